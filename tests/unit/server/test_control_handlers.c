/*
 * What the owners of accounts and mail answer to commands. The owners
 * themselves are played by this file: auth_*() and store_*() below take the
 * place of the real ones.
 */
#include "unit/unit.h"

#include <unistd.h>

#include "auth/alias.h"
#include "auth/auth.h"
#include "auth/guessers.h"
#include "auth/import.h"
#include "auth/settings.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/num.h"
#include "os/memfd.h"
#include "server/control_directory.h"
#include "server/control_store.h"
#include "store/store.h"

/* ---- the play ---- */

static struct {
	enum yb_err err;
	const char *reason;
	char address[64], password[64];
	bool allow_weak;
	unsigned accounts; /* in the directory, "00000@x" upwards */
	size_t devices_n;  /* length of each one's device names */
	struct store_place place;
	store_totals_fn *totals;
	store_done_fn *removed;
	store_rows_fn *rows;
	store_octets_fn *octets;
	store_changed_fn *changed;
	store_compacted_fn *compacted;
	store_numbers_fn *numbers;
	uint32_t uid;
	uint64_t at;
	struct uid_range range; /* the first */
	struct store_undelete what;
	store_lent_fn *lent;
	store_delivered_fn *added;
	struct store_copy copy;
	size_t copies_n;
	void *ctx;
} play;

static void note(struct span address)
{
	assert_true(span_to_str(address, play.address, sizeof play.address));
}

enum yb_err auth_account_restore(struct auth *a, struct span address,
				 const struct directory_verifier *credentials,
				 size_t n, const char **ret_reason)
{
	(void)a, (void)credentials, (void)n, (void)ret_reason;
	note(address);
	return play.err;
}

enum yb_err auth_directory_copy(struct auth *a, int *ret_fd)
{
	(void)a;
	*ret_fd = dup(STDIN_FILENO);
	return YB_OK;
}

enum yb_err auth_account_add(struct auth *a, struct span address,
			     struct span password, bool allow_weak,
			     const char **ret_reason)
{
	(void)a;
	note(address);
	assert_true(span_to_str(password, play.password, sizeof play.password));
	play.allow_weak = allow_weak;
	if (play.reason != NULL)
		*ret_reason = play.reason;
	return play.err;
}

enum yb_err auth_account_import(struct auth *a, struct span address,
				struct span hash, const char **ret_reason)
{
	return auth_account_add(a, address, hash, true, ret_reason);
}

enum yb_err auth_account_password(struct auth *a, struct span address,
				  struct span password, bool allow_weak,
				  const char **ret_reason)
{
	return auth_account_add(a, address, password, allow_weak, ret_reason);
}

enum yb_err auth_account_remove(struct auth *a, struct span address,
				uint8_t ret_id[16], const char **ret_reason)
{
	(void)a;
	if (play.reason != NULL)
		*ret_reason = play.reason;
	note(address);
	memset(ret_id, 7, 16);
	return play.err;
}

/* What control_names.c asks; tests/blackbox/test_aliases.py has the real
 * ones. */
enum yb_err auth_domain_add(struct auth *a, struct span name,
			    struct span alias_of, const char **ret_reason)
{
	(void)a, (void)name, (void)alias_of, (void)ret_reason;
	return play.err;
}

enum yb_err auth_domain_remove(struct auth *a, struct span name,
			       const char **ret_reason)
{
	(void)a, (void)name, (void)ret_reason;
	return play.err;
}

enum yb_err auth_domain_each(struct auth *a, struct span after,
			     auth_domain_fn *each, void *ctx)
{
	(void)a, (void)after, (void)each, (void)ctx;
	return play.err;
}

enum yb_err auth_alias_add(struct auth *a, struct span alias,
			   const struct span *targets, size_t n,
			   const char **ret_reason)
{
	(void)a, (void)alias, (void)targets, (void)n, (void)ret_reason;
	return play.err;
}

enum yb_err auth_alias_remove(struct auth *a, struct span alias,
			      const struct span *targets, size_t n,
			      const char **ret_reason)
{
	return auth_alias_add(a, alias, targets, n, ret_reason);
}

enum yb_err auth_alias_each(struct auth *a, struct span alias,
			    struct span target, auth_alias_fn *each, void *ctx)
{
	(void)a, (void)alias, (void)target, (void)each, (void)ctx;
	return play.err;
}

enum yb_err auth_settings_change(struct auth *a, enum auth_owner owner,
				 struct span name, const struct span *texts,
				 size_t n, const char **ret_reason)
{
	(void)a, (void)owner, (void)name, (void)texts, (void)n;
	(void)ret_reason;
	return play.err;
}

enum yb_err auth_settings_get(struct auth *a, enum auth_owner owner,
			      struct span name, struct setting_set *ret)
{
	(void)a, (void)owner, (void)name;
	ret->has = 0;
	return play.err;
}

void auth_guessers_each(struct auth *a, uint64_t after, auth_guesser_fn *each,
			void *ctx)
{
	(void)a, (void)after, (void)each, (void)ctx;
}

enum yb_err auth_forgive_address(struct auth *a, const uint8_t address[16])
{
	(void)a, (void)address;
	return play.err;
}

enum yb_err auth_forgive_account(struct auth *a, struct span name)
{
	(void)a, (void)name;
	return play.err;
}

enum yb_err auth_accounts_import(struct auth *a,
				 const struct auth_import *records, size_t n,
				 bool dry_run, enum yb_err *ret_errs)
{
	(void)a, (void)records, (void)dry_run;
	for (size_t i = 0; i < n; i++)
		ret_errs[i] = YB_OK;
	return play.err;
}

static bool tell(unsigned i, auth_account_fn *each, void *ctx)
{
	static char devices[CONTROL_ROW_MAX];
	char address[32];
	struct auth_account account = { .address = address,
					.created_s = 5,
					.last_login_s = 0,
					.devices = devices };

	memset(devices, 'd', play.devices_n);
	devices[play.devices_n] = 0;
	(void)snprintf(address, sizeof address, "%05u@x", i);
	return each(ctx, &account);
}

enum yb_err auth_account_get(struct auth *a, struct span address,
			     auth_account_fn *each, void *ctx)
{
	(void)a;
	note(address);
	if (play.err == YB_OK)
		(void)tell(3, each, ctx);
	return play.err;
}

enum yb_err auth_account_each(struct auth *a, struct span after,
			      auth_account_fn *each, void *ctx)
{
	unsigned i = 0;

	(void)a;
	note(after);
	if (after.n > 0)
		i = (unsigned)atoi(play.address) + 1;
	while (i < play.accounts && tell(i, each, ctx))
		i++;
	return play.err;
}

enum yb_err auth_device_add(struct auth *a, struct span address,
			    const struct auth_device *device,
			    struct span password,
			    char ret_name[AUTH_DEVICE_NAME_MAX + 1],
			    const char **ret_reason)
{
	(void)a;
	note(address);
	assert_true(span_to_str(password, play.password, sizeof play.password));
	assert_string_equal(device->networks, "::1");
	assert_int_equal(device->refused, AUTH_NO_DELETE);
	assert_int_equal(device->protocols, AUTH_POP3);
	assert_int_equal(device->expires_s, 77);
	(void)snprintf(ret_name, AUTH_DEVICE_NAME_MAX + 1, "%s",
		       *device->name != 0 ? device->name : "app-1");
	if (play.reason != NULL)
		*ret_reason = play.reason;
	return play.err;
}

enum yb_err auth_device_revoke(struct auth *a, struct span address,
			       struct span device)
{
	(void)a;
	note(address);
	assert_true(span_to_str(device, play.password, sizeof play.password));
	return play.err;
}

/* As many as an account may have, each as long as it may be. */
enum yb_err auth_device_each(struct auth *a, struct span address,
			     auth_device_fn *each, void *ctx)
{
	static char name[AUTH_DEVICE_NAME_MAX + 1], networks[513];
	const struct auth_device device = { .name = name,
					    .networks = networks };

	(void)a;
	note(address);
	memset(name, 'n', AUTH_DEVICE_NAME_MAX);
	memset(networks, '1', sizeof networks - 1);
	for (int i = 0; i < 64; i++)
		assert_true(each(ctx, &device));
	return play.err;
}

enum yb_err auth_device_next(struct auth *a, enum auth_device_kind kind,
			     int64_t *at, char ret[AUTH_ADDRESS_MAX + 1])
{
	(void)a;
	assert_int_equal(kind, AUTH_DEVICE_LEGACY);
	if (*at >= 7)
		return YB_NO_ACCOUNT;
	*at = 7;
	(void)strcpy(ret, "alice@example.org");
	return play.err;
}

bool auth_legacy_find(struct span word, enum auth_legacy *ret)
{
	*ret = AUTH_LEGACY_APOP;
	return span_eq(word, SPAN_LIT("apop"));
}

const char *auth_legacy_word(enum auth_legacy which)
{
	(void)which;
	return "apop";
}

void auth_generate_password(char ret[AUTH_GENERATED_LEN + 1])
{
	memcpy(ret, "made-made-made-made-made", AUTH_GENERATED_LEN + 1);
}

void store_totals(struct store *st, struct store_place place,
		  store_totals_fn *told, void *ctx)
{
	(void)st;
	play.place = place;
	play.totals = told;
	play.ctx = ctx;
}

void store_remove_account(struct store *st, struct account_id account,
			  store_done_fn *done, void *ctx)
{
	(void)st;
	play.place.account = account;
	play.removed = done;
	play.ctx = ctx;
}

void store_list(struct store *st, struct store_place place, uint32_t after,
		bool deleted, size_t max, store_rows_fn *told, void *ctx)
{
	(void)st, (void)deleted;
	assert_true(max <= STORE_ROWS_MAX);
	play.place = place;
	play.uid = after;
	play.rows = told;
	play.ctx = ctx;
}

void store_read(struct store *st, struct store_place place, uint32_t uid,
		uint64_t at, size_t n, store_octets_fn *told, void *ctx)
{
	(void)st;
	assert_true(n < CONTROL_MESSAGE_MAX);
	play.place = place;
	play.uid = uid;
	play.at = at;
	play.octets = told;
	play.ctx = ctx;
}

void store_delete(struct store *st, struct store_place place,
		  const struct store_session *by,
		  const struct uid_range *ranges, size_t n,
		  store_changed_fn *done, void *ctx)
{
	(void)st;
	assert_int_equal(by->kind, STORE_COMMAND);
	play.place = place;
	play.range = n > 0 ? ranges[0] : (struct uid_range){ 0 };
	play.changed = done;
	play.ctx = ctx;
}

void store_undelete(struct store *st, struct store_place place,
		    const struct store_session *by,
		    const struct store_undelete *what, store_changed_fn *done,
		    void *ctx)
{
	(void)st, (void)by;
	play.place = place;
	play.what = *what;
	play.what.ranges = NULL;
	play.changed = done;
	play.ctx = ctx;
}

void store_compact(struct store *st, struct store_place place,
		   store_compacted_fn *told, void *ctx)
{
	(void)st;
	play.place = place;
	play.compacted = told;
	play.ctx = ctx;
}

void store_repair(struct store *st, struct store_place place,
		  store_compacted_fn *told, void *ctx)
{
	store_compact(st, place, told, ctx);
}

void store_check(struct store *st, struct store_place place, bool slowly,
		 store_checked_fn *told, void *ctx)
{
	(void)st, (void)slowly, (void)told;
	play.place = place;
	play.ctx = ctx;
}

void store_read_aside(struct store *st, struct store_place place, size_t number,
		      uint64_t at, size_t n, store_aside_fn *told, void *ctx)
{
	(void)st, (void)number, (void)at, (void)n, (void)told;
	play.place = place;
	play.ctx = ctx;
}

void store_mailboxes(struct store *st, struct account_id account,
		     store_numbers_fn *told, void *ctx)
{
	(void)st;
	play.place.account = account;
	play.numbers = told;
	play.ctx = ctx;
}

void store_lend(struct store *st, struct store_place place, store_lent_fn *lent,
		void *ctx)
{
	(void)st;
	play.place = place;
	play.lent = lent;
	play.ctx = ctx;
}

void store_add(struct store *st, struct store_place place, int fd,
	       const struct store_copy *copies, size_t n,
	       store_delivered_fn *added, void *ctx)
{
	(void)st;
	assert_true(fd >= 0);
	play.place = place;
	play.copies_n = n;
	play.copy = copies[n - 1];
	play.added = added;
	play.ctx = ctx;
}

/* ---- the audience ---- */

struct asked {
	struct control_call call;
	struct control_writer request;
	struct control_reader reply;
	enum yb_err err;
	unsigned replies;
};

static void on_replied(struct control_call *call, enum yb_err err)
{
	struct asked *a = list_entry(call, struct asked, call);
	struct control_head head;

	a->replies++;
	a->err = err;
	assert_false(call->reply.failed);
	assert_ok(control_read(buf_span(&call->reply.out), &head, &a->reply));
}

static void begin(struct asked *a, enum control_type type)
{
	memset(a, 0, sizeof *a);
	control_writer_init(&a->request);
	control_begin(&a->request, type);
	control_writer_init(&a->call.reply);
	control_begin(&a->call.reply, type);
	a->call.replied = on_replied;
	a->call.fd = -1;
}

static void put_on(struct asked *a, void (*handle)(struct control_call *call))
{
	struct control_head head;

	assert_ok(control_read(buf_span(&a->request.out), &head,
			       &a->call.fields));
	a->call.type = (enum control_type)head.type;
	handle(&a->call);
}

static void to_directory(struct control_call *call)
{
	control_directory_handle(NULL, call);
}

static void to_store(struct control_call *call)
{
	control_store_handle(NULL, call);
}

static void end(struct asked *a)
{
	control_writer_done(&a->request);
	control_writer_done(&a->call.reply);
}

static int new_play(void **state)
{
	(void)state;
	memset(&play, 0, sizeof play);
	return 0;
}

/* ---- accounts ---- */

static void test_add(void **state)
{
	static const enum control_type types[] = { CONTROL_ACCOUNT_ADD,
						   CONTROL_ACCOUNT_PASSWORD };
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct asked a;

		play.err = YB_OK;
		play.reason = NULL;
		begin(&a, types[i]);
		control_put_str(&a.request, "a@x");
		control_put_str(&a.request, "given");
		control_put_u64(&a.request, 1);
		put_on(&a, to_directory);
		assert_ok(a.err);
		assert_string_equal(play.address, "a@x");
		assert_string_equal(play.password, "given");
		assert_true(play.allow_weak);
		/* A password that was given is not told again. */
		assert_int_equal(control_get(&a.reply).n, 0);
		assert_true(control_ended(&a.reply));
		end(&a);

		begin(&a, types[i]);
		control_put_str(&a.request, "a@x");
		control_put_str(&a.request, "");
		control_put_u64(&a.request, 0);
		put_on(&a, to_directory);
		assert_string_equal(play.password, "made-made-made-made-made");
		assert_false(play.allow_weak);
		control_get_str(&a.reply, text, sizeof text);
		assert_string_equal(text, play.password);
		assert_int_equal(a.replies, 1);
		end(&a);

		/* A refusal brings its reason, and never a password. */
		play.err = YB_WEAK;
		play.reason = "too short";
		begin(&a, types[i]);
		control_put_str(&a.request, "a@x");
		control_put_str(&a.request, "");
		control_put_u64(&a.request, 0);
		put_on(&a, to_directory);
		assert_int_equal(a.err, YB_WEAK);
		control_get_str(&a.reply, text, sizeof text);
		assert_string_equal(text, "too short");
		assert_true(control_ended(&a.reply));
		end(&a);
	}
}

static void check_row(struct control_reader *r, const char *want)
{
	char address[64];

	assert_int_equal(control_get(r).n, 16);
	control_get_str(r, address, sizeof address);
	assert_string_equal(address, want);
	assert_int_equal(control_get_u64(r), 5);
	assert_int_equal(control_get_u64(r), 0);
	(void)control_get(r);
	assert_false(r->bad);
}

static void test_get_and_remove(void **state)
{
	struct asked a;

	(void)state;
	begin(&a, CONTROL_ACCOUNT_GET);
	control_put_str(&a.request, "3@x");
	put_on(&a, to_directory);
	assert_ok(a.err);
	assert_string_equal(play.address, "3@x");
	check_row(&a.reply, "00003@x");
	assert_true(control_ended(&a.reply));
	end(&a);

	begin(&a, CONTROL_ACCOUNT_REMOVE);
	control_put_str(&a.request, "3@x");
	put_on(&a, to_directory);
	assert_ok(a.err);
	assert_int_equal(control_get(&a.reply).n, 16);
	end(&a);

	play.err = YB_NO_ACCOUNT;
	begin(&a, CONTROL_ACCOUNT_REMOVE);
	control_put_str(&a.request, "3@x");
	put_on(&a, to_directory);
	assert_int_equal(a.err, YB_NO_ACCOUNT);
	assert_true(control_ended(&a.reply));
	end(&a);
}

/* Pages: each fits a packet; together they are the list, in order, once. */
static void list_pages(unsigned accounts, size_t devices_n,
		       unsigned pages_least)
{
	char after[64] = "";
	unsigned n = 0, pages = 0;
	bool more = true;

	play.accounts = accounts;
	play.devices_n = devices_n;
	while (more) {
		struct asked a;

		begin(&a, CONTROL_ACCOUNT_LIST);
		control_put_str(&a.request, after);
		put_on(&a, to_directory);
		assert_ok(a.err);
		assert_true(a.call.reply.out.n <= CONTROL_MESSAGE_MAX);
		more = a.call.more;
		assert_true(!more || control_has_more(&a.reply));
		while (control_has_more(&a.reply)) {
			(void)snprintf(after, sizeof after, "%05u@x", n++);
			check_row(&a.reply, after);
		}
		pages++;
		end(&a);
	}
	assert_int_equal(n, accounts);
	assert_true(pages >= pages_least);
}

static void test_list(void **state)
{
	(void)state;
	list_pages(0, 0, 1);
	list_pages(1, 4, 1);
	list_pages(3000, 4, 3);
	/* The longest device names that an account can have. */
	list_pages(50, 64 * 66, 4);
}

/* ---- mail ---- */

static void test_totals(void **state)
{
	const struct store_totals totals = { 3, UINT64_MAX };
	struct asked a;

	(void)state;
	begin(&a, CONTROL_MAILBOX_TOTALS);
	control_put_str(&a.request, "0123456789abcdef");
	control_put_u64(&a.request, 9);
	put_on(&a, to_store);
	assert_int_equal(a.replies, 0); /* the store has not answered yet */
	assert_memory_equal(play.place.account.octets, "0123456789abcdef", 16);
	assert_int_equal(play.place.mailbox, 9);
	play.totals(play.ctx, YB_OK, totals);
	assert_int_equal(a.replies, 1);
	assert_ok(a.err);
	assert_int_equal(control_get_u64(&a.reply), 3);
	assert_true(control_get_u64(&a.reply) == UINT64_MAX);
	assert_true(control_ended(&a.reply));
	end(&a);

	begin(&a, CONTROL_MAILBOX_TOTALS);
	control_put_str(&a.request, "0123456789abcdef");
	control_put_u64(&a.request, 1);
	put_on(&a, to_store);
	play.totals(play.ctx, YB_CORRUPT, totals);
	assert_int_equal(a.err, YB_CORRUPT);
	assert_true(control_ended(&a.reply));
	end(&a);
}

static void begin_device(struct asked *a, const char *legacy)
{
	begin(a, CONTROL_DEVICE_ADD);
	control_put_str(&a->request, "alice@x");
	control_put_str(&a->request, "phone");
	control_put_u64(&a->request, AUTH_NO_DELETE);
	control_put_u64(&a->request, AUTH_POP3);
	control_put_str(&a->request, "::1");
	control_put_u64(&a->request, 77);
	control_put_str(&a->request, legacy);
	control_put_str(&a->request, "");
}

static void test_devices(void **state)
{
	char text[600];
	struct asked a;

	(void)state;
	begin_device(&a, "");
	put_on(&a, to_directory);
	assert_ok(a.err);
	control_get_str(&a.reply, text, sizeof text);
	assert_string_equal(text, "phone");
	control_get_str(&a.reply, text, sizeof text);
	assert_string_equal(text, "made-made-made-made-made");
	assert_true(control_ended(&a.reply));
	end(&a);

	play.err = YB_INVALID;
	play.reason = "no";
	begin_device(&a, "");
	put_on(&a, to_directory);
	assert_int_equal(a.err, YB_INVALID);
	control_get_str(&a.reply, text, sizeof text);
	assert_string_equal(text, "no");
	assert_true(control_ended(&a.reply));
	end(&a);
	play.err = YB_OK;
	play.reason = NULL;

	begin_device(&a, "apop");
	put_on(&a, to_directory);
	assert_ok(a.err);
	end(&a);
	begin_device(&a, "ntlm");
	put_on(&a, to_directory);
	assert_int_equal(a.err, YB_SYNTAX);
	end(&a);

	begin(&a, CONTROL_DEVICE_NEXT);
	control_put_u64(&a.request, AUTH_DEVICE_LEGACY);
	control_put_u64(&a.request, 0);
	put_on(&a, to_directory);
	assert_ok(a.err);
	assert_int_equal(control_get_u64(&a.reply), 7);
	control_get_str(&a.reply, text, sizeof text);
	assert_string_equal(text, "alice@example.org");
	assert_true(control_ended(&a.reply));
	end(&a);
	begin(&a, CONTROL_DEVICE_NEXT);
	control_put_u64(&a.request, AUTH_DEVICE_LEGACY);
	control_put_u64(&a.request, 7);
	put_on(&a, to_directory);
	assert_ok(a.err);
	assert_true(control_ended(&a.reply));
	end(&a);

	begin(&a, CONTROL_DEVICE_LIST);
	control_put_str(&a.request, "alice@x");
	put_on(&a, to_directory);
	assert_ok(a.err);
	for (int i = 0; i < 64; i++) {
		control_get_str(&a.reply, text, sizeof text);
		assert_int_equal(strlen(text), AUTH_DEVICE_NAME_MAX);
		for (int k = 0; k < 3; k++)
			(void)control_get_u64(&a.reply);
		control_get_str(&a.reply, text, sizeof text);
		assert_int_equal(strlen(text), 512);
		for (int k = 0; k < 3; k++)
			(void)control_get_u64(&a.reply);
		control_get_str(&a.reply, text, sizeof text);
		assert_string_equal(text, "");
	}
	assert_true(control_ended(&a.reply));
	end(&a);

	begin(&a, CONTROL_DEVICE_REVOKE);
	control_put_str(&a.request, "alice@x");
	control_put_str(&a.request, "phone");
	put_on(&a, to_directory);
	assert_ok(a.err);
	assert_string_equal(play.password, "phone");
	end(&a);
}

static void test_remove_mail(void **state)
{
	struct asked a;

	(void)state;
	begin(&a, CONTROL_MAIL_REMOVE);
	control_put_str(&a.request, "0123456789abcdef");
	put_on(&a, to_store);
	assert_int_equal(a.replies, 0);
	assert_memory_equal(play.place.account.octets, "0123456789abcdef", 16);
	play.removed(play.ctx, YB_FULL);
	assert_int_equal(a.err, YB_FULL);
	end(&a);
}

static void test_lending(void **state)
{
	const struct store_log log = { .fd = STDIN_FILENO,
				       .upto = 4096,
				       .generation = 2,
				       .totals = { 3, 99 } };
	struct asked a;

	(void)state;
	begin(&a, CONTROL_LOG_LEND);
	control_put_str(&a.request, "0123456789abcdef");
	control_put_u64(&a.request, 1);
	put_on(&a, to_store);
	assert_int_equal(a.replies, 0);
	play.lent(play.ctx, YB_OK, &log);
	assert_ok(a.err);
	assert_int_equal(control_get_u64(&a.reply), 2);
	assert_int_equal(control_get_u64(&a.reply), 4096);
	assert_int_equal(control_get_u64(&a.reply), 3);
	assert_int_equal(control_get_u64(&a.reply), 99);
	assert_true(control_ended(&a.reply));
	/* A descriptor of its own goes with it. */
	assert_true(a.call.reply.fd > STDERR_FILENO);
	end(&a);
}

/* A file of 25 octets. */
static int a_file(void)
{
	int fd;

	assert_ok(
		memfd_make("mail", SPAN_LIT("twenty-five octets, these"), &fd));
	return fd;
}

static void test_adding(void **state)
{
	uint8_t rows[2 * CONTROL_COPY_SIZE] = { 0 };
	const enum yb_err errs[] = { YB_OK, YB_EXISTS };
	struct span outcomes;
	struct asked a;
	int file = a_file();

	(void)state;
	rows[CONTROL_COPY_SIZE] = 7;
	put_le64(rows + CONTROL_COPY_SIZE + 16, 11);
	put_le64(rows + CONTROL_COPY_SIZE + 24, 12);
	put_le64(rows + CONTROL_COPY_SIZE + 32, 13);
	begin(&a, CONTROL_MAIL_ADD);
	a.call.fd = file;
	control_put_str(&a.request, "0123456789abcdef");
	control_put_u64(&a.request, 1);
	control_put(&a.request, span_of(rows, sizeof rows));
	put_on(&a, to_store);
	assert_int_equal(play.copies_n, 2);
	assert_int_equal(play.copy.id[0], 7);
	assert_int_equal(play.copy.received_ns, 11);
	assert_int_equal(play.copy.at, 12);
	assert_int_equal(play.copy.n, 13);
	play.added(play.ctx, errs, 2);
	outcomes = control_get(&a.reply);
	assert_int_equal(outcomes.n, 2);
	assert_int_equal(outcomes.p[1], YB_EXISTS);
	end(&a);

	/* Rows that are cut short, or no file. */
	for (int i = 0; i < 2; i++) {
		begin(&a, CONTROL_MAIL_ADD);
		a.call.fd = i == 0 ? file : -1;
		control_put_str(&a.request, "0123456789abcdef");
		control_put_u64(&a.request, 1);
		control_put(&a.request, span_of(rows, sizeof rows - (i == 0)));
		put_on(&a, to_store);
		assert_int_equal(a.err, YB_SYNTAX);
		end(&a);
	}
	close(file);
}

/* Room is made for as much as is claimed, before any of it is read. */
static void test_adding_what_is_not_there(void **state)
{
	static const struct {
		uint64_t at, n;
	} claims[] = { { 12, 14 },
		       { 26, 0 },
		       { 0, 4060213848 },
		       { 1, UINT64_MAX },
		       { UINT64_MAX, 2 } };
	uint8_t row[CONTROL_COPY_SIZE] = { 0 };
	struct asked a;
	int file = a_file(), pair[2];

	(void)state;
	assert_int_equal(pipe(pair), 0);
	for (size_t i = 0; i <= ARRAY_LEN(claims); i++) {
		bool other = i == ARRAY_LEN(claims); /* no file at all */

		put_le64(row + 24, other ? 0 : claims[i].at);
		put_le64(row + 32, other ? 0 : claims[i].n);
		begin(&a, CONTROL_MAIL_ADD);
		a.call.fd = other ? pair[0] : file;
		control_put_str(&a.request, "0123456789abcdef");
		control_put_u64(&a.request, 1);
		control_put(&a.request, span_of(row, sizeof row));
		put_on(&a, to_store);
		assert_int_equal(a.err, YB_SYNTAX);
		end(&a);
	}
	close(file);
	close(pair[0]);
	close(pair[1]);
}

static const struct store_row a_row = {
	.octets = 10,
	.wire_size = 13,
	.header_size = 8,
	.received_ns = 5,
	.uid = 77,
	.uidl = "abc",
	.deleted = true,
	.deleted_s = 99,
	.by = { .start = 0xab, .number = 3, .kind = STORE_COMMAND }
};

static void check_mail_row(struct control_reader *r)
{
	char text[STORE_SESSION_TEXT];

	assert_int_equal(control_get_u64(r), 77);
	assert_int_equal(control_get_u64(r), 10);
	assert_int_equal(control_get_u64(r), 13);
	assert_int_equal(control_get_u64(r), 8);
	assert_int_equal(control_get_u64(r), 5);
	assert_int_equal(control_get_u64(r), 99);
	control_get_str(r, text, sizeof text);
	assert_string_equal(text, "abc");
	control_get_str(r, text, sizeof text);
	assert_string_equal(text, "c.ab.3");
}

static void test_looking_at_mail(void **state)
{
	struct asked a;

	(void)state;
	begin(&a, CONTROL_MAIL_LIST);
	control_put_str(&a.request, "0123456789abcdef");
	control_put_u64(&a.request, 1);
	control_put_u64(&a.request, 44);
	control_put_u64(&a.request, 1);
	put_on(&a, to_store);
	assert_int_equal(play.uid, 44);
	play.rows(play.ctx, YB_OK, &a_row, 1, true);
	assert_true(a.call.more);
	check_mail_row(&a.reply);
	assert_true(control_ended(&a.reply));
	end(&a);

	begin(&a, CONTROL_MAIL_READ);
	control_put_str(&a.request, "0123456789abcdef");
	control_put_u64(&a.request, 1);
	control_put_u64(&a.request, 77);
	control_put_u64(&a.request, 5);
	put_on(&a, to_store);
	assert_int_equal(play.uid, 77);
	assert_int_equal(play.at, 5);
	play.octets(play.ctx, YB_OK, &a_row, SPAN_LIT("text"));
	check_mail_row(&a.reply);
	assert_true(span_eq(control_get(&a.reply), SPAN_LIT("text")));
	assert_true(control_ended(&a.reply));
	end(&a);
}

static void test_changing_mail(void **state)
{
	const struct uid_range range = { 3, 9 };
	const struct store_change change = { 7, 20 };
	struct store_session name;
	struct asked a;

	(void)state;
	begin(&a, CONTROL_MAIL_DELETE);
	control_put_str(&a.request, "0123456789abcdef");
	control_put_u64(&a.request, 1);
	control_put(&a.request, span_of(&range, sizeof range));
	put_on(&a, to_store);
	assert_int_equal(play.range.last, 9);
	play.changed(play.ctx, YB_OK, change);
	assert_true(store_session_parse(control_get(&a.reply), &name));
	assert_int_equal(control_get_u64(&a.reply), 7);
	assert_int_equal(control_get_u64(&a.reply), 20);
	assert_true(control_ended(&a.reply));
	end(&a);

	begin(&a, CONTROL_MAIL_UNDELETE);
	control_put_str(&a.request, "0123456789abcdef");
	control_put_u64(&a.request, 1);
	control_put(&a.request, SPAN_NONE);
	control_put_u64(&a.request, 123);
	control_put_str(&a.request, "w3.ff.10");
	put_on(&a, to_store);
	assert_int_equal(play.what.since_s, 123);
	assert_int_equal(play.what.ranges_n, 0);
	assert_int_equal(play.what.from.worker, 3);
	assert_int_equal(play.what.from.start, 255);
	assert_int_equal(play.what.from.number, 16);
	play.changed(play.ctx, YB_OK, change);
	assert_int_equal(control_get_u64(&a.reply), 7);
	end(&a);
}

/* ---- nonsense ---- */

static void test_wrong_fields(void **state)
{
	(void)state;
	for (unsigned type = 1; type < CONTROL_TYPES; type++) {
		for (unsigned fields = 0; fields < 6; fields++) {
			struct asked a;

			memset(&play, 0, sizeof play);
			begin(&a, (enum control_type)type);
			for (unsigned i = 0; i < fields; i++)
				control_put_str(&a.request, "xyz");
			/* Never two answers, never none but the store's. */
			put_on(&a, to_directory);
			assert_int_equal(a.replies, 1);
			end(&a);
			begin(&a, (enum control_type)type);
			for (unsigned i = 0; i < fields; i++)
				control_put_str(&a.request, "xyz");
			put_on(&a, to_store);
			assert_int_equal(a.replies, 1);
			assert_int_not_equal(a.err, YB_OK);
			assert_null(play.ctx);
			end(&a);
		}
	}
}

static void test_mailbox_numbers(void **state)
{
	static const uint64_t wrong[] = { 0, UINT32_MAX + 1ull, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct asked a;

		begin(&a, CONTROL_MAILBOX_TOTALS);
		control_put_str(&a.request, "0123456789abcdef");
		control_put_u64(&a.request, wrong[i]);
		put_on(&a, to_store);
		assert_int_equal(a.err, YB_SYNTAX);
		assert_null(play.ctx);
		end(&a);
	}
}

int main(void)
{
#define PLAY(test) cmocka_unit_test_setup(test, new_play)
	const struct CMUnitTest tests[] = {
		PLAY(test_add),
		PLAY(test_get_and_remove),
		PLAY(test_list),
		PLAY(test_totals),
		PLAY(test_devices),
		PLAY(test_lending),
		PLAY(test_adding),
		PLAY(test_adding_what_is_not_there),
		PLAY(test_remove_mail),
		PLAY(test_looking_at_mail),
		PLAY(test_changing_mail),
		PLAY(test_wrong_fields),
		PLAY(test_mailbox_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
