"""Faults to plant in the store, each of which the tests have to find.

(name, file, what stands there once, what stands there instead, program)
"""

POWERCUT = "store/test_powercut"
DAMAGE = "store/test_damage"
COMPACT = "store/test_compact"
FAILURES = "store/test_failures"

MUTANTS = [
    ("a delivery's sync left out", "src/store/sync.c",
     "	j->base.err = j->os->sync(j->os->ctx, j->fd);",
     "	j->base.err = YB_OK;", POWERCUT),
    ("acknowledged before the sync", "src/store/sync.c",
     "	mb->syncing = true;\n	mailbox_job_give(",
     "	mb->syncing = true;\n	publish(mb, j->upto);\n"
     "	mailbox_job_give(", POWERCUT),
    ("the index written before the sync", "src/store/sync.c",
     "	j->upto = mb->tail;\n",
     "	j->upto = mb->tail;\n	mb->durable = mb->tail;\n"
     "	write_head(mb);\n", POWERCUT),
    ("a new log renamed before its sync", "src/store/files.c",
     "	if (err == YB_OK)\n		err = os->sync(os->ctx, fd);\n"
     "	return err;\n}\n\nenum yb_err files_make_log",
     "	return err;\n}\n\nenum yb_err files_make_log", POWERCUT),
    ("the name of a new log not synced", "src/store/files.c",
     "		else\n			err = os->sync_folder(os->ctx, dir);",
     "", POWERCUT),
    ("the next uid from the index", "src/store/recover.c",
     "	if (head->next_uid > t->last_uid + 1)\n"
     "		t->last_uid = head->next_uid - 1;\n", "", COMPACT),
    ("an index believed beyond its log", "src/store/load.c",
     "	if (head->covers_upto > ld->size || head->durable_upto > ld->size ||"
     "\n	    head->covers_upto < LOG_HEAD_SIZE) {",
     "	if (head->covers_upto < LOG_HEAD_SIZE) {", DAMAGE),
    ("a body's sum not looked at", "src/store/scan.c",
     "	*ret_good = log_summer_end(s->summer) == record->body_sum;",
     "	*ret_good = true;", POWERCUT),
    ("a record's sum not looked at", "src/store/log.c",
     "	if (get_le32(src) != LOG_RECORD_MAGIC ||\n"
     "	    log_record_sum(src) != record_sum(keys, at, src))\n",
     "	if (get_le32(src) != LOG_RECORD_MAGIC)\n", DAMAGE),
    ("the log not synced before it is shown", "src/store/load.c",
     "	if (!ld->distrust && os->sync(os->ctx, l->log_fd) == YB_OK)",
     "	if (!ld->distrust)", POWERCUT),
    ("acknowledged mail cut as a torn tail", "src/store/recover.c",
     "	if (ld->bad.at >= ld->durable && ", "	if (", DAMAGE),
    ("numbers of lost records given again", "src/store/recover.c",
     "	t->last_seq += n;\n	if (uids)\n		t->last_uid += n;\n",
     "	(void)n;\n	(void)uids;\n", DAMAGE),
    ("freed before the undelete period ends", "src/store/generation.c",
     "	if (st->config.undelete_days == 0)\n",
     "	if (st->config.undelete_days < 1000)\n", POWERCUT),
    ("a generation dropped under its snapshots", "src/store/generation.c",
     "	if (err == YB_OK)\n		log_file_add_reader(log);\n", "",
     COMPACT),
    ("a compacted log renamed before its sync", "src/store/compact.c",
     "		err = os->sync(os->ctx, c->fd);\n", "		err = YB_OK;\n",
     POWERCUT),
    ("the name of a compacted log not synced", "src/store/compact.c",
     "	err = os->sync_folder(os->ctx, c->dir);\n", "	err = YB_OK;\n",
     POWERCUT),
    ("a failed sync believed", "src/store/sync.c",
     "	if (j->base.err == YB_OK)\n		publish(mb, j->upto);\n"
     "	if (j->base.err != YB_OK || mb->failed)\n",
     "	publish(mb, j->upto);\n	if (mb->failed)\n", FAILURES),
    ("half a delivery to several left behind", "src/store/append.c",
     "		if (part->state == PART_PENDING)\n"
     "			part_cut_back(part);\n", "", FAILURES),
    ("an id given twice by a restore", "src/store/add.c",
     "			index_is_deleted(e) ? YB_BUSY : YB_EXISTS;",
     "			YB_AGAIN;", "store/test_add"),
]
