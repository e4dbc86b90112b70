#include "base/err.h"

#include <errno.h>

/* clang-format off */
static const struct {
	const char *name;
	const char *text;
	enum yb_class class;
} errors[YB_ERR_COUNT] = {
	[YB_OK] = { "OK", "ok", YB_CLASS_OK },
#define X(name, class, text) [YB_##name] = { #name, text, YB_CLASS_##class },
	YB_ERR_MAP(X)
#undef X
};
/* clang-format on */

const char *err_text(enum yb_err err)
{
	return err < YB_ERR_COUNT ? errors[err].text : "unknown error";
}

const char *err_name(enum yb_err err)
{
	return err < YB_ERR_COUNT ? errors[err].name : "UNKNOWN";
}

enum yb_class err_class(enum yb_err err)
{
	return err < YB_ERR_COUNT ? errors[err].class : YB_CLASS_TEMP;
}

enum yb_err err_from_errno(int number)
{
	switch (number) {
	case ENOMEM:
		return YB_NOMEM;
	case ENOSPC:
	case EDQUOT:
		return YB_FULL;
	case ENOENT:
	case ENOTDIR:
		return YB_NOT_FOUND;
	case EEXIST:
	case ENOTEMPTY:
		return YB_EXISTS;
	case EACCES:
	case EPERM:
		return YB_ACCESS;
	case EROFS:
		return YB_READ_ONLY;
	case EAGAIN:
		return YB_AGAIN;
	case EBUSY:
	case EADDRINUSE:
		return YB_BUSY;
	case EMFILE:
	case ENFILE:
		return YB_OVERLOAD;
	case EFBIG:
	case EMSGSIZE:
		return YB_TOO_BIG;
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
	case ECONNREFUSED:
		return YB_GONE;
	case ETIMEDOUT:
		return YB_TIMEOUT;
	case EINVAL:
	case ELOOP:
	case EXDEV:
		return YB_INVALID;
	case ENOSYS:
	case EOPNOTSUPP:
		return YB_UNSUPPORTED;
	}
	return YB_IO;
}
