# Threat 1: octets behind STLS end the session, and nothing of them is run.
S: +OK <*>
C: STLS
C: CAPA
S: <*>
closed
