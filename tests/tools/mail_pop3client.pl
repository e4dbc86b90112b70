# Collects new mail with Mail::POP3Client and keeps book of what it has seen.
#
#	mail_pop3client.pl PORT WAY USER PASSWORD CA FOLDER keep|delete
use strict;
use warnings;
use IO::Socket::SSL;
use Mail::POP3Client;

my ($port, $way, $user, $password, $ca, $folder, $then) = @ARGV;
# Its own USESSL cannot be told an authority: its manual opens the socket.
my $socket = $way eq 'tls'
	? IO::Socket::SSL->new(PeerAddr => 'localhost', PeerPort => $port,
			       SSL_ca_file => $ca, SSL_verify_mode => 1,
			       SSL_verifycn_name => 'localhost')
	: IO::Socket::INET->new(PeerAddr => 'localhost', PeerPort => $port);
die "connect: $! $SSL_ERROR" unless $socket;
my $pop = Mail::POP3Client->new(AUTH_MODE => 'PASS', TIMEOUT => 60);
$pop->User($user);
$pop->Pass($password);
$pop->Socket($socket);
$pop->Connect or die 'login: ' . $pop->Message;

my %seen;
if (open my $book, '<', "$folder/seen") {
	chomp(my @lines = <$book>);
	@seen{@lines} = ();
}
my @uidl = $pop->Uidl;
for my $n (1 .. $pop->Count) {
	if (!exists $seen{$uidl[$n]}) {
		open my $file, '>', "$folder/new/$n" or die "$n: $!";
		$pop->RetrieveToFile($file, $n);
		close $file or die "$n: $!";
	}
	$pop->Delete($n) or die 'DELE: ' . $pop->Message if $then eq 'delete';
}
$pop->Close or die 'QUIT: ' . $pop->Message;
open my $book, '>', "$folder/seen" or die "seen: $!";
print $book "$uidl[$_]\n" for 1 .. $#uidl;
