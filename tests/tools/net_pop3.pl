# Collects new mail with Net::POP3 and keeps book of what it has seen.
#
#	net_pop3.pl PORT WAY USER PASSWORD CA FOLDER keep|delete
use strict;
use warnings;
use Net::POP3;

my ($port, $way, $user, $password, $ca, $folder, $then) = @ARGV;
my @tls = (SSL_ca_file => $ca, SSL_verify_mode => 1,
	   SSL_verifycn_name => 'localhost');
my $pop = Net::POP3->new('localhost', Port => $port, Timeout => 60,
			 $way eq 'tls' ? (SSL => 1, @tls) : ())
	or die "connect: $@";
$pop->starttls(@tls) or die "STLS: $@" if $way eq 'stls';
defined $pop->login($user, $password) or die 'login: ' . $pop->message;

my %seen;
if (open my $book, '<', "$folder/seen") {
	chomp(my @lines = <$book>);
	@seen{@lines} = ();
}
my $uidl = $pop->uidl;
for my $n (sort { $a <=> $b } keys %$uidl) {
	if (!exists $seen{$uidl->{$n}}) {
		open my $file, '>', "$folder/new/$n" or die "$n: $!";
		print $file @{$pop->get($n) or die 'RETR: ' . $pop->message};
		close $file or die "$n: $!";
	}
	$pop->delete($n) or die 'DELE: ' . $pop->message if $then eq 'delete';
}
$pop->quit or die 'QUIT: ' . $pop->message;
open my $book, '>', "$folder/seen" or die "seen: $!";
print $book "$_\n" for values %$uidl;
