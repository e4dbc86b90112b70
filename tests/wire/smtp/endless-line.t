# Threat 16.
S: 220 <*>
C* 70000 x
S: 500 5.5.2 <*>
closed
