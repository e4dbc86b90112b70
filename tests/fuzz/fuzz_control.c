/*
 * What a command may say over run/control (threat 61). Input: an octet (1: to
 * the store, else to auth; 2: with a descriptor), then a request: its type, and
 * fields, each an octet that says what it is and what that needs. The rest of
 * the message is as it comes. The request is read by the very same function
 * first, since a supervisor or command reads replies by it.
 */
#include "fuzz/fuzz_folder.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "directory/directory.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "server/control_directory.h"
#include "server/control_store.h"
#include "store/store.h"

enum { FIELDS_MAX = 40, TURNS_MAX = 100000 };

static struct auth *auth;
static struct store *store;

static void open_all(void)
{
	const char *folder = fuzz_folder();
	struct store_config config = { .path = folder };
	struct auth_config a = { .default_domain = "a.example" };
	char path[64];

	MUST(store_open(&config, &store) == YB_OK);
	(void)snprintf(path, sizeof path, "%s/directory", folder);
	MUST(directory_open(path, &a.directory) == YB_OK);
	MUST(auth_open(&a, &auth) == YB_OK);
}

static void put_field(struct control_writer *w, struct span *in)
{
	static const uint8_t account[16];
	struct span octets;

	switch (fuzz_take(in) % 8) {
	case 0:
		control_put_u64(w, fuzz_take(in));
		break;
	case 1:
		control_put_u64(w, UINT64_MAX - fuzz_take(in));
		break;
	case 2:
		control_put_str(w, "user@a.example");
		break;
	case 3:
		control_put_str(w, "a.example");
		break;
	case 4:
		control_put(w, span_of(account, sizeof account));
		break;
	case 5:
		control_put_str(w, "");
		break;
	default:
		octets = fuzz_piece(in, fuzz_take(in));
		control_put(w, octets);
		fuzz_free(octets);
		break;
	}
}

static void on_replied(struct control_call *call, enum yb_err err)
{
	MUST(err < YB_ERR_COUNT && err != YB_NOMEM);
	MUST(call->replied != NULL);
	call->replied = NULL;
}

static void run(struct span message, bool to_store, bool with_fd)
{
	struct control_call call = { .fd = -1, .replied = on_replied };
	struct control_head head;

	if (control_read(message, &head, &call.fields) != YB_OK)
		return;
	call.type = (enum control_type)head.type;
	if (with_fd)
		MUST(memfd_make("fuzz", message, &call.fd) == YB_OK);
	control_writer_init(&call.reply);
	control_begin(&call.reply, call.type);
	if (to_store)
		control_store_handle(store, &call);
	else
		control_directory_handle(auth, &call);
	for (int n = 0; call.replied != NULL; n++) {
		MUST(n < TURNS_MAX);
		store_run(store);
	}
	fd_close(&call.fd);
	control_writer_done(&call.reply);
}

static void read_fields(struct span message)
{
	struct control_reader r;
	struct control_head head;

	if (control_read(message, &head, &r) != YB_OK)
		return;
	while (control_has_more(&r)) {
		struct span field = control_get(&r);

		MUST(r.bad || field.n == 0 ||
		     (field.p > message.p &&
		      field.p + field.n <= message.p + message.n));
	}
	MUST(!r.bad || control_get(&r).n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), rest, message;
	unsigned how = fuzz_take(&in);
	struct control_writer w;
	struct buf all;

	if (store == NULL)
		open_all();
	control_writer_init(&w);
	control_begin(&w, (enum control_type)fuzz_take(&in));
	for (int n = fuzz_take(&in) % FIELDS_MAX; n > 0 && in.n > 0; n--)
		put_field(&w, &in);
	rest = span_head(in, 64);
	buf_init(&all, 2 * CONTROL_MESSAGE_MAX);
	MUST(buf_add(&all, buf_span(&w.out)) == YB_OK);
	MUST(buf_add(&all, rest) == YB_OK);
	rest = buf_span(&all);
	message = fuzz_piece(&rest, SIZE_MAX);
	read_fields(message);
	run(message, (how & 1) != 0, (how & 2) != 0);
	fuzz_free(message);
	buf_done(&all);
	control_writer_done(&w);
	return 0;
}
