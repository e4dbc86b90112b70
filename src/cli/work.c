#include "cli/work.h"

#include <stdlib.h>

int work_begin(const struct invocation *inv, work_tell_fn *tell, struct work *w)
{
	*w = (struct work){ .json.to = stdout, .tell = tell };
	control_writer_init(&w->request);
	w->as_json = invocation_option(inv, "json") != NULL;
	w->subject = inv->args_n > 0 ? inv->args[0] : "";
	w->config = say_config(inv);
	if (w->config == NULL)
		return COMMAND_CONFIG;
	return desk_open(w->config, &w->desk);
}

int work_end(struct work *w, int code)
{
	control_writer_done(&w->request);
	desk_close(&w->desk);
	free(w->config);
	return code;
}

int work_list(const struct invocation *inv, work_tell_fn *tell,
	      int (*print)(struct work *w))
{
	struct work w;
	int code = work_begin(inv, tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	if (w.as_json)
		json_open(&w.json, NULL, '[');
	code = print(&w);
	if (w.as_json && code == COMMAND_OK)
		json_close(&w.json, ']');
	return work_end(&w, code);
}

int work_nonsense(void)
{
	say_error("the server's answer makes no sense; is it of another "
		  "version?");
	return COMMAND_FAILED;
}

enum yb_err work_ask(struct work *w, enum control_owner owner,
		     struct control_reader *ret, bool *ret_more, int *ret_code)
{
	struct control_head head;
	enum yb_err err = desk_ask(w->desk, owner, &w->request, &head, ret);

	if (err != YB_OK) {
		*ret_code = COMMAND_FAILED;
		return err;
	}
	if (ret_more != NULL)
		*ret_more = head.more != 0;
	err = (enum yb_err)head.err;
	if (err != YB_OK) {
		char reason[WORK_REASON_MAX] = "";

		if (control_has_more(ret))
			control_get_str(ret, reason, sizeof reason);
		*ret_code = w->tell(w, err, reason);
	}
	return err;
}
