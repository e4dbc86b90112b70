/*
 * The supervisor: binds ports, starts the other processes, joins them by
 * channels, starts again what dies, and ends them in order. It parses nothing
 * that comes from outside.
 */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

/* Of the commands' exit codes (cli/command.h), those of the server. */
enum {
	SERVER_EXIT_OK = 0,
	SERVER_EXIT_FAILED = 1,
	SERVER_EXIT_CONFIG = 10,
	SERVER_EXIT_BUSY = 12,
};

/*
 * Runs the server until SIGTERM or SIGINT; the exit code of `yubin serve`.
 * Problems before the log is open go to standard error.
 */
int server_main(const char *config_file);

#endif
