#include "server/control_directory.h"

#include "auth/auth.h"
#include "base/codec.h"
#include "directory/directory.h"
#include "server/control_guessers.h"
#include "server/control_names.h"

/* As long as a list of networks may be written, spaces and all. */
enum { CONTROL_TEXT_MAX = 1024 };

struct row_writer {
	struct control_call *call;
	size_t rows;
};

static bool put_row(void *ctx, const struct auth_account *account)
{
	struct row_writer *rows = ctx;
	struct control_writer *w = &rows->call->reply;

	if (!control_has_room(w)) {
		rows->call->more = true;
		return false;
	}
	control_put(w, span_of(account->id, sizeof account->id));
	control_put_str(w, account->address);
	control_put_u64(w, (uint64_t)account->created_s);
	control_put_u64(w, (uint64_t)account->last_login_s);
	control_put_str(w, account->devices);
	rows->rows++;
	return true;
}

static enum yb_err read_accounts(struct auth *auth, struct control_call *call)
{
	struct span address = control_get(&call->fields);
	struct row_writer rows = { .call = call };

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	if (call->type == CONTROL_ACCOUNT_LIST)
		return auth_account_each(auth, address, put_row, &rows);
	return auth_account_get(auth, address, put_row, &rows);
}

static enum yb_err set_password(struct auth *auth, struct control_call *call)
{
	struct span address = control_get(&call->fields);
	struct span password = control_get(&call->fields);
	bool allow_weak = control_get_u64(&call->fields) != 0;
	char made[AUTH_GENERATED_LEN + 1] = "";
	const char *reason = NULL;
	enum yb_err err;

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	if (password.n == 0) {
		auth_generate_password(made);
		password = span_str(made);
	}
	if (call->type == CONTROL_ACCOUNT_ADD)
		err = auth_account_add(auth, address, password, allow_weak,
				       &reason);
	else
		err = auth_account_password(auth, address, password, allow_weak,
					    &reason);
	if (err == YB_OK)
		control_put_str(&call->reply, made);
	else
		control_put_str(&call->reply, reason != NULL ? reason : "");
	mem_wipe(made, sizeof made);
	return err;
}

static enum yb_err remove_account(struct auth *auth, struct control_call *call)
{
	struct span address = control_get(&call->fields);
	const char *reason = "";
	uint8_t id[16];
	enum yb_err err;

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	err = auth_account_remove(auth, address, id, &reason);
	if (err == YB_OK)
		control_put(&call->reply, span_of(id, sizeof id));
	else if (*reason != 0)
		control_put_str(&call->reply, reason);
	return err;
}

static enum yb_err import_account(struct auth *auth, struct control_call *call)
{
	struct span address = control_get(&call->fields);
	struct span hash = control_get(&call->fields);
	const char *reason = "";
	enum yb_err err;

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	err = auth_account_import(auth, address, hash, &reason);
	control_put_str(&call->reply, err == YB_OK ? "" : reason);
	return err;
}

static bool read_credential(struct control_reader *r,
			    struct directory_verifier *v,
			    char text[3][CONTROL_TEXT_MAX])
{
	v->device = (uint32_t)control_get_u64(r);
	v->kind = (enum directory_kind)control_get_u64(r);
	control_get_str(r, text[0], CONTROL_TEXT_MAX);
	control_get_str(r, text[1], CONTROL_TEXT_MAX);
	v->limits.refused = (uint32_t)control_get_u64(r);
	v->limits.protocols = (uint32_t)control_get_u64(r);
	v->limits.expires_s = (int64_t)control_get_u64(r);
	control_get_str(r, text[2], CONTROL_TEXT_MAX);
	control_get_into(r, v->stored_key, sizeof v->stored_key);
	control_get_into(r, v->server_key, sizeof v->server_key);
	v->name = text[0];
	v->hash = text[1];
	v->limits.networks = text[2];
	return !r->bad;
}

static enum yb_err restore_account(struct auth *auth, struct control_call *call)
{
	static struct directory_verifier credentials[DIRECTORY_DEVICES_MAX];
	static char texts[DIRECTORY_DEVICES_MAX][3][CONTROL_TEXT_MAX];
	struct span address = control_get(&call->fields);
	uint8_t salt[DIRECTORY_SALT_LEN];
	const char *reason = "";
	enum yb_err err = YB_OK;
	uint64_t iterations;
	size_t n = 0;

	control_get_into(&call->fields, salt, sizeof salt);
	iterations = control_get_u64(&call->fields);
	while (control_has_more(&call->fields) && n < DIRECTORY_DEVICES_MAX) {
		struct directory_verifier *v = &credentials[n];

		*v = (struct directory_verifier){ .device = 0 };
		if (!read_credential(&call->fields, v, texts[n]))
			break;
		memcpy(v->salt, salt, sizeof salt);
		v->iterations = (uint32_t)iterations;
		n++;
	}
	if (!control_ended(&call->fields) || iterations > UINT32_MAX)
		err = YB_SYNTAX;
	if (err == YB_OK)
		err = auth_account_restore(auth, address, credentials, n,
					   &reason);
	mem_wipe(credentials, sizeof credentials);
	mem_wipe(texts, sizeof texts);
	control_put_str(&call->reply, err == YB_OK ? "" : reason);
	return err;
}

/* ---- devices ---- */

static enum yb_err add_device(struct auth *auth, struct control_call *call)
{
	char name[AUTH_DEVICE_NAME_MAX + 1], made[AUTH_GENERATED_LEN + 1];
	char wanted[CONTROL_TEXT_MAX], networks[CONTROL_TEXT_MAX];
	struct auth_device device = { .name = wanted,
				      .kind = AUTH_DEVICE_PASSWORD,
				      .networks = networks };
	struct span legacy, fingerprint;
	struct span address = control_get(&call->fields);
	const char *reason = "";
	enum yb_err err;

	control_get_str(&call->fields, wanted, sizeof wanted);
	device.refused = (uint32_t)control_get_u64(&call->fields);
	device.protocols = (uint32_t)control_get_u64(&call->fields);
	control_get_str(&call->fields, networks, sizeof networks);
	device.expires_s = (int64_t)control_get_u64(&call->fields);
	legacy = control_get(&call->fields);
	fingerprint = control_get(&call->fields);
	if (legacy.n > 0)
		device.kind = AUTH_DEVICE_LEGACY;
	else if (fingerprint.n > 0)
		device.kind = AUTH_DEVICE_CERTIFICATE;
	if (legacy.n > 0 && !auth_legacy_find(legacy, &device.legacy))
		return YB_SYNTAX;
	if (!control_ended(&call->fields)) {
		control_put_str(&call->reply, "a name or list is too long");
		return YB_INVALID;
	}
	auth_generate_password(made);
	if (device.kind == AUTH_DEVICE_CERTIFICATE)
		made[0] = 0;
	err = auth_device_add(auth, address, &device,
			      fingerprint.n > 0 ? fingerprint : span_str(made),
			      name, &reason);
	control_put_str(&call->reply, err == YB_OK ? name : reason);
	if (err == YB_OK)
		control_put_str(&call->reply, made);
	mem_wipe(made, sizeof made);
	return err;
}

static bool put_device(void *ctx, const struct auth_device *device)
{
	struct control_writer *w = ctx;
	char detail[2 * 32 + 1] = "";

	/* All that an account may have fit into one reply. */
	control_put_str(w, device->name);
	control_put_u64(w, device->kind);
	control_put_u64(w, device->refused);
	control_put_u64(w, device->protocols);
	control_put_str(w, device->networks);
	control_put_u64(w, (uint64_t)device->created_s);
	control_put_u64(w, (uint64_t)device->last_used_s);
	control_put_u64(w, (uint64_t)device->expires_s);
	if (device->fingerprint != NULL)
		hex_put((uint8_t *)detail, span_of(device->fingerprint, 32));
	control_put_str(w, device->kind == AUTH_DEVICE_LEGACY
				   ? auth_legacy_word(device->legacy)
				   : detail);
	return true;
}

static enum yb_err list_devices(struct auth *auth, struct control_call *call)
{
	struct span address = control_get(&call->fields);

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	return auth_device_each(auth, address, put_device, &call->reply);
}

static enum yb_err revoke_device(struct auth *auth, struct control_call *call)
{
	struct span address = control_get(&call->fields);
	struct span name = control_get(&call->fields);

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	return auth_device_revoke(auth, address, name);
}

static enum yb_err next_device(struct auth *auth, struct control_call *call)
{
	enum auth_device_kind kind =
		(enum auth_device_kind)control_get_u64(&call->fields);
	int64_t at = (int64_t)control_get_u64(&call->fields);
	char address[AUTH_ADDRESS_MAX + 1];
	enum yb_err err;

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	err = auth_device_next(auth, kind, &at, address);
	if (err == YB_OK) {
		control_put_u64(&call->reply, (uint64_t)at);
		control_put_str(&call->reply, address);
	}
	return err == YB_NO_ACCOUNT ? YB_OK : err;
}

static enum yb_err copy_directory(struct auth *auth, struct control_call *call)
{
	int fd;
	enum yb_err err;

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	err = auth_directory_copy(auth, &fd);
	if (err == YB_OK)
		control_put_fd(&call->reply, fd);
	return err;
}

typedef enum yb_err handler_fn(struct auth *auth, struct control_call *call);

static handler_fn *const handlers[CONTROL_TYPES] = {
	[CONTROL_ACCOUNT_ADD] = set_password,
	[CONTROL_ACCOUNT_PASSWORD] = set_password,
	[CONTROL_ACCOUNT_GET] = read_accounts,
	[CONTROL_ACCOUNT_LIST] = read_accounts,
	[CONTROL_ACCOUNT_REMOVE] = remove_account,
	[CONTROL_ACCOUNT_IMPORT] = import_account,
	[CONTROL_ACCOUNT_RESTORE] = restore_account,
	[CONTROL_DEVICE_ADD] = add_device,
	[CONTROL_DEVICE_LIST] = list_devices,
	[CONTROL_DEVICE_REVOKE] = revoke_device,
	[CONTROL_DEVICE_NEXT] = next_device,
	[CONTROL_AUTH_STATUS] = control_auth_status,
	[CONTROL_AUTH_FORGIVE] = control_auth_forgive,
	[CONTROL_ACCOUNTS_ADD] = control_accounts_add,
	[CONTROL_SETTINGS_SET] = control_settings_set,
	[CONTROL_SETTINGS_GET] = control_settings_get,
	[CONTROL_DIRECTORY_COPY] = copy_directory,
	[CONTROL_DOMAIN_ADD] = control_domain_add,
	[CONTROL_DOMAIN_REMOVE] = control_domain_remove,
	[CONTROL_DOMAIN_LIST] = control_domain_list,
	[CONTROL_ALIAS_ADD] = control_alias_change,
	[CONTROL_ALIAS_REMOVE] = control_alias_change,
	[CONTROL_ALIAS_LIST] = control_alias_list,
};

void control_directory_handle(struct auth *auth, struct control_call *call)
{
	handler_fn *handle = handlers[call->type];

	control_reply(call,
		      handle != NULL ? handle(auth, call) : YB_UNSUPPORTED);
}
