/*
 * `yubin account certificate`: clients that log in by a certificate of their
 * own, and no password.
 */
#include "base/buf.h"
#include "cli/cmd.h"
#include "cli/devices.h"
#include "os/file.h"
#include "tls/pair.h"

/* A certificate with its chain, even one for many names. */
enum { PEM_MAX = 256 * 1024 };

static int read_fingerprint(const char *path, uint8_t ret[32])
{
	int code = COMMAND_FAILED;
	struct buf pem;
	enum yb_err err;

	buf_init(&pem, PEM_MAX);
	err = file_read(path, &pem);
	if (err != YB_OK)
		say_error("cannot read %s: %s", path, err_text(err));
	else if (tls_fingerprint(buf_span(&pem), ret) != YB_OK)
		say_error("there is no certificate in %s; it has to be in PEM, "
			  "with the line -----BEGIN CERTIFICATE-----",
			  path);
	else
		code = COMMAND_OK;
	buf_done(&pem);
	return code;
}

int cmd_certificate_add(const struct invocation *inv)
{
	const char *end = invocation_option(inv, "expires");
	uint8_t fingerprint[32];
	uint64_t at = 0;
	struct work w;
	int code = work_begin(inv, devices_tell, &w);

	if (code == COMMAND_OK && end != NULL && !devices_read_end(end, &at))
		code = COMMAND_USAGE;
	if (code == COMMAND_OK)
		code = read_fingerprint(inv->args[1], fingerprint);
	if (code != COMMAND_OK)
		return work_end(&w, code);
	devices_put(inv, &w, inv->args_n > 2 ? inv->args[2] : "", "",
		    span_of(fingerprint, sizeof fingerprint), AUTH_POP3, at);
	return work_end(&w, devices_make(&w, ""));
}

int cmd_certificate_list(const struct invocation *inv)
{
	return devices_list(inv, AUTH_DEVICE_CERTIFICATE);
}

int cmd_certificate_revoke(const struct invocation *inv)
{
	struct work w;
	int code = work_begin(inv, devices_tell, &w);

	if (code == COMMAND_OK)
		code = devices_revoke(&w, inv->args[1], "certificate");
	return work_end(&w, code);
}
