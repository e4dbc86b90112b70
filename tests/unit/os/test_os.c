#include "unit/unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/memfd.h"
#include "os/packet.h"
#include "os/random.h"
#include "os/socket.h"

static char folder[] = "/tmp/yubin-test-os-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void in_folder(char *dst, size_t n, const char *name)
{
	(void)snprintf(dst, n, "%s/%s", folder, name);
}

static void replaces_whole_files(void **state)
{
	char path[100], beside[110];
	struct buf text;
	struct stat st;

	(void)state;
	in_folder(path, sizeof path, "file");
	(void)snprintf(beside, sizeof beside, "%s.new", path);
	assert_ok(file_replace(path, SPAN_LIT("first"), 0600));
	assert_ok(file_replace(path, SPAN_LIT("second"), 0600));
	buf_init(&text, 100);
	assert_ok(file_read(path, &text));
	assert_true(span_eq(buf_span(&text), SPAN_LIT("second")));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_not_equal(access(beside, F_OK), 0);
	buf_done(&text);
	assert_int_equal(unlink(path), 0);
}

static void reads_no_more_than_allowed(void **state)
{
	char path[100], link_path[100];
	struct buf text;

	(void)state;
	in_folder(path, sizeof path, "file");
	in_folder(link_path, sizeof link_path, "link");
	assert_ok(file_replace(path, SPAN_LIT("12345"), 0600));
	buf_init(&text, 5);
	assert_ok(file_read(path, &text));
	buf_done(&text);
	buf_init(&text, 4);
	assert_int_equal(file_read(path, &text), YB_TOO_BIG);
	buf_done(&text);
	/* Threat 55: neither links nor what is no file. */
	assert_int_equal(symlink(path, link_path), 0);
	buf_init(&text, 100);
	assert_int_not_equal(file_read(link_path, &text), YB_OK);
	assert_int_equal(file_read(folder, &text), YB_INVALID);
	assert_int_equal(file_read("/nonexistent", &text), YB_NOT_FOUND);
	buf_done(&text);
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(unlink(path), 0);
}

static void sealed_memory_cannot_change(void **state)
{
	struct span view;
	int fd, open_fd;

	(void)state;
	assert_ok(memfd_make("test", SPAN_LIT("block"), &fd));
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_ok(memfd_map(fd, 100, &view));
	assert_true(span_eq(view, SPAN_LIT("block")));
	memfd_unmap(&view);
	assert_int_equal(view.n, 0);
	assert_int_equal(memfd_map(fd, 4, &view), YB_INVALID);
	fd_close(&fd);
	/* One that could still be cut under a reader is refused. */
	assert_ok(memfd_open("test", &open_fd));
	assert_ok(file_write_all(open_fd, SPAN_LIT("block")));
	assert_int_equal(memfd_map(open_fd, 100, &view), YB_INVALID);
	fd_close(&open_fd);
	open_fd = open("/dev/null", O_RDONLY);
	assert_int_equal(memfd_map(open_fd, 100, &view), YB_INVALID);
	fd_close(&open_fd);
}

static void packets_carry_descriptors(void **state)
{
	static uint8_t buffer[PACKET_MAX];
	const struct span parts[] = { SPAN_LIT("one"), SPAN_LIT("two") };
	int ends[2], pipes[2], fds[PACKET_FDS_MAX];
	size_t n, fds_n;
	char octet;

	(void)state;
	assert_ok(packet_pair(ends));
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(packet_receive(ends[1], buffer, &n, fds, &fds_n),
			 YB_AGAIN);
	assert_ok(packet_send(ends[0], parts, 2, &pipes[1], 1));
	assert_ok(packet_receive(ends[1], buffer, &n, fds, &fds_n));
	assert_true(span_eq(span_of(buffer, n), SPAN_LIT("onetwo")));
	assert_int_equal(fds_n, 1);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(fds[0], "x", 1), 1);
	assert_int_equal(read(pipes[0], &octet, 1), 1);
	fd_close(&fds[0]);
	fd_close(&ends[0]);
	assert_int_equal(packet_receive(ends[1], buffer, &n, fds, &fds_n),
			 YB_GONE);
	assert_int_equal(packet_send(ends[1], parts, 1, NULL, 0), YB_GONE);
	fd_close(&ends[1]);
	fd_close(&pipes[0]);
	fd_close(&pipes[1]);
}

/* Threat 61: what is cut short ends the channel and leaks nothing. */
static void long_packets_are_refused(void **state)
{
	static uint8_t large[PACKET_MAX + 1], buffer[PACKET_MAX];
	struct span part = span_of(large, sizeof large);
	int ends[2], fds[PACKET_FDS_MAX], before, after;
	size_t n, fds_n;

	(void)state;
	assert_ok(packet_pair(ends));
	before = dup(0);
	fd_close(&before);
	assert_ok(packet_send(ends[0], &part, 1, (int[]){ 0, 1 }, 2));
	assert_int_equal(packet_receive(ends[1], buffer, &n, fds, &fds_n),
			 YB_INVALID);
	before = dup(0);
	assert_ok(packet_send(ends[0], &part, 1, (int[]){ 0, 1 }, 2));
	assert_int_equal(packet_receive(ends[1], buffer, &n, fds, &fds_n),
			 YB_INVALID);
	after = dup(0);
	assert_int_equal(after, before + 1);
	fd_close(&before);
	fd_close(&after);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void full_sockets_say_again(void **state)
{
	static uint8_t octets[32 * 1024];
	struct span part = span_of(octets, sizeof octets);
	int ends[2];
	enum yb_err err = YB_OK;

	(void)state;
	assert_ok(packet_pair(ends));
	for (int i = 0; i < 1000 && err == YB_OK; i++)
		err = packet_send(ends[0], &part, 1, NULL, 0);
	assert_int_equal(err, YB_AGAIN);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void addresses_are_parsed_strictly(void **state)
{
	static const struct {
		const char *text;
		enum yb_err err;
		const char *shown;
		bool loopback;
	} rows[] = {
		{ "127.0.0.1:110", YB_OK, "127.0.0.1", true },
		{ "127.9.9.9:1", YB_OK, "127.9.9.9", true },
		{ "192.0.2.1:65535", YB_OK, "192.0.2.1", false },
		{ "[::1]:110", YB_OK, "::1", true },
		{ "[2001:db8::1]:110", YB_OK, "2001:db8::1", false },
		{ "[::ffff:127.0.0.1]:1", YB_OK, "127.0.0.1", true },
		{ "/run/yubin/lmtp", YB_OK, "local", true },
		{ "127.0.0.1", YB_INVALID, NULL, false },
		{ "127.0.0.1:", YB_INVALID, NULL, false },
		{ "127.0.0.1:65536", YB_INVALID, NULL, false },
		{ "127.0.0.1:+1", YB_INVALID, NULL, false },
		{ "127.0.0.1:01", YB_INVALID, NULL, false },
		{ "127.1:110", YB_INVALID, NULL, false },
		{ "::1:110", YB_INVALID, NULL, false },
		{ "[::1:110", YB_INVALID, NULL, false },
		{ "localhost:110", YB_INVALID, NULL, false },
		{ "", YB_INVALID, NULL, false },
		{ ":", YB_INVALID, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct socket_address a;
		char shown[SOCKET_TEXT_MAX];

		assert_int_equal(socket_address_parse(rows[i].text, &a),
				 rows[i].err);
		if (rows[i].err != YB_OK)
			continue;
		socket_address_print(&a, shown);
		assert_string_equal(shown, rows[i].shown);
		assert_int_equal(socket_address_is_loopback(&a),
				 rows[i].loopback);
	}
}

static void unix_socket_replaces_a_dead_one(void **state)
{
	struct socket_address a, peer;
	char path[100];
	int one, two, client, server;
	struct stat st;

	(void)state;
	in_folder(path, sizeof path, "socket");
	assert_ok(socket_address_parse(path, &a));
	assert_ok(socket_listen(&a, 0660, &one));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	/* While it lives its place is taken. */
	assert_int_equal(socket_listen(&a, 0660, &two), YB_BUSY);
	fd_close(&one);
	assert_ok(socket_listen(&a, 0660, &two));
	assert_ok(socket_connect(&a, true, &client));
	assert_ok(socket_accept(two, &server, &peer));
	assert_int_equal(socket_accept(two, &one, &peer), YB_AGAIN);
	fd_close(&client);
	fd_close(&server);
	fd_close(&two);
	assert_int_equal(unlink(path), 0);
}

static void descriptors_close_themselves(void **state)
{
	int copy;

	(void)state;
	{
		AUTO_FD fd = dup(0);
		int stolen;

		copy = fd;
		stolen = fd_steal(&fd);
		assert_int_equal(fd, -1);
		fd = stolen;
	}
	assert_int_equal(fcntl(copy, F_GETFD), -1);
	assert_ok(fd_duplicate(0, &copy));
	assert_int_equal(fcntl(copy, F_GETFD), FD_CLOEXEC);
	fd_close(&copy);
	fd_close(&copy);
	assert_int_equal(copy, -1);
}

static void random_octets_differ(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	os_random(a, sizeof a);
	os_random(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_whole_files),
		cmocka_unit_test(reads_no_more_than_allowed),
		cmocka_unit_test(sealed_memory_cannot_change),
		cmocka_unit_test(packets_carry_descriptors),
		cmocka_unit_test(long_packets_are_refused),
		cmocka_unit_test(full_sockets_say_again),
		cmocka_unit_test(addresses_are_parsed_strictly),
		cmocka_unit_test(unix_socket_replaces_a_dead_one),
		cmocka_unit_test(descriptors_close_themselves),
		cmocka_unit_test(random_octets_differ),
	};

	return cmocka_run_group_tests_name("os/os", tests, make_folder,
					   remove_folder);
}
