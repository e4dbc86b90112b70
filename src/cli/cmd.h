/*
 * The commands: each runs what was asked for and returns its exit code.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "cli/command.h"

int cmd_init(const struct invocation *inv);
int cmd_serve(const struct invocation *inv);
int cmd_check(const struct invocation *inv);
int cmd_reload(const struct invocation *inv);
int cmd_restart(const struct invocation *inv);
int cmd_status(const struct invocation *inv);
int cmd_doctor(const struct invocation *inv);
int cmd_top(const struct invocation *inv);
int cmd_log(const struct invocation *inv);
int cmd_account_add(const struct invocation *inv);
int cmd_account_list(const struct invocation *inv);
int cmd_account_show(const struct invocation *inv);
int cmd_account_password(const struct invocation *inv);
int cmd_account_remove(const struct invocation *inv);
int cmd_app_password_add(const struct invocation *inv);
int cmd_app_password_list(const struct invocation *inv);
int cmd_app_password_revoke(const struct invocation *inv);
int cmd_certificate_add(const struct invocation *inv);
int cmd_certificate_list(const struct invocation *inv);
int cmd_certificate_revoke(const struct invocation *inv);
int cmd_legacy_allow(const struct invocation *inv);
int cmd_legacy_list(const struct invocation *inv);
int cmd_legacy_revoke(const struct invocation *inv);
int cmd_mail_list(const struct invocation *inv);
int cmd_mail_show(const struct invocation *inv);
int cmd_mail_export(const struct invocation *inv);
int cmd_mail_delete(const struct invocation *inv);
int cmd_mail_undelete(const struct invocation *inv);
int cmd_domain_add(const struct invocation *inv);
int cmd_domain_list(const struct invocation *inv);
int cmd_auth_status(const struct invocation *inv);
int cmd_auth_forgive(const struct invocation *inv);
int cmd_account_import(const struct invocation *inv);
int cmd_account_set(const struct invocation *inv);
int cmd_domain_set(const struct invocation *inv);
int cmd_domain_remove(const struct invocation *inv);
int cmd_alias_add(const struct invocation *inv);
int cmd_alias_list(const struct invocation *inv);
int cmd_alias_remove(const struct invocation *inv);
int cmd_fsck(const struct invocation *inv);
int cmd_compact(const struct invocation *inv);
int cmd_backup(const struct invocation *inv);
int cmd_restore(const struct invocation *inv);
int cmd_deliver(const struct invocation *inv);
int cmd_bench(const struct invocation *inv);

#endif
