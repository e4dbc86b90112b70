/*
 * The child that parses the configuration: it has the file and a channel, and
 * no rights. What is wrong it tells on standard error; what is right it hands
 * over as a sealed struct config.
 */
#include <stdio.h>
#include <stdlib.h>

#include "os/fd.h"
#include "os/file.h"
#include "os/memfd.h"
#include "os/process.h"
#include "server/cage.h"
#include "server/message.h"
#include "server/role.h"
#include "server/supervisor.h"

static void tell(void *ctx, const struct config_problem *problem)
{
	const char *file = ctx;

	if (problem->line == 0)
		(void)fprintf(stderr, "%s: %s\n", file, problem->text);
	else
		(void)fprintf(stderr, "%s:%u:%u: %s\n", file, problem->line,
			      problem->column, problem->text);
}

static enum yb_err hand_over(const struct config *config)
{
	struct message_head head = { .size = sizeof head,
				     .type = MESSAGE_CONFIG,
				     .fds = 1 };
	struct span packet = span_of(&head, sizeof head);
	AUTO_FD fd = -1;
	enum yb_err err = memfd_make("yubin-config",
				     span_of(config, sizeof *config), &fd);

	if (err == YB_OK)
		err = packet_send(PROCESS_FIRST_FD, &packet, 1, &fd, 1);
	return err;
}

int config_process_main(const char *file)
{
	struct config *config = calloc(1, sizeof *config);
	struct buf text;
	enum yb_err err;

	if (config == NULL)
		return SERVER_EXIT_FAILED;
	buf_init(&text, CONFIG_FILE_MAX);
	err = cage_close_config(getenv("YUBIN_STRICT_CAGE") != NULL);
	if (err == YB_OK)
		err = file_read_fd(PROCESS_FIRST_FD + 1, &text);
	if (err == YB_OK)
		err = config_parse(buf_span(&text), file, tell,
				   (void *)(uintptr_t)file, config);
	if (err == YB_OK)
		err = hand_over(config);
	if (err != YB_OK && err != YB_INVALID)
		(void)fprintf(stderr, "yubin: %s: %s\n", file, err_text(err));
	buf_done(&text);
	free(config);
	return err == YB_OK ? SERVER_EXIT_OK : SERVER_EXIT_CONFIG;
}
