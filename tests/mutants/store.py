"""Faults to plant in the store, each of which its tests have to find.

(name, file, what stands there once, what stands there instead, finder)
"""

POWERCUT = "store/test_powercut"
DAMAGE = "store/test_damage"
COMPACT = "store/test_compact"
FAILURES = "store/test_failures"
INDEX = "store/test_index"
ADD = "store/test_add"

# Enough workloads for the rarest of them.
ENVIRONMENT = {"YUBIN_POWERCUT_SEEDS": "60"}

MUTANTS = [
    ("sync left out", "src/store/sync.c",
     "j->base.err = j->os->sync(j->os->ctx, j->fd);",
     "j->base.err = YB_OK;",
     POWERCUT),
    ("the journal's sync left out", "src/store/journal.c",
     "		b->err = os->sync(os->ctx, b->file.fd);",
     "		b->err = YB_OK;",
     POWERCUT),
    ("the journal not looked at after a crash", "src/store/journal.c",
     "	err = journal_recover(&st->files, &reports);\n"
     "	/* Its",
     "	err = YB_OK;\n"
     "	/* Its",
     POWERCUT),
    ("a half of the journal used again before its logs are synced",
     "src/store/journal.c",
     "	if (j->logs_of[other] > 0)\n"
     "		return false;\n",
     "",
     FAILURES),
    ("the journal taken away before the logs are synced",
     "src/store/journal_file.c",
     "			err = os->sync(os->ctx, fd);\n"
     "			os->close(os->ctx, fd);",
     "			err = YB_OK;\n"
     "			os->close(os->ctx, fd);",
     POWERCUT),
    ("the journal's name not synced", "src/store/journal_file.c",
     "		err = os->sync_folder(os->ctx, f->root);\n"
     "	if (err == YB_OK)\n"
     "		*ret = j;",
     "		err = YB_OK;\n"
     "	if (err == YB_OK)\n"
     "		*ret = j;",
     POWERCUT),
    ("what the journal holds of an older generation put into a newer",
     "src/store/journal_file.c",
     "	if (err == YB_OK && (head.generation != e->generation ||",
     "	if (err == YB_OK && (head.generation < e->generation ||",
     POWERCUT),
    ("the logs left unsynced when the store closes", "src/store/journal.c",
     "	j->draining = all_halves;\n"
     "	journal_drain(st);",
     "	while (!list_empty(&j->logs))\n"
     "		journal_forget(list_entry(j->logs.next, struct mailbox,\n"
     "					  in_journal));",
     POWERCUT),
    ("a log's own octets forgotten when its sync fails", "src/store/sync.c",
     "	if (mb->in_halves == 0)\n"
     "		j->journal.fd = -1;",
     "	j->journal.fd = -1;",
     FAILURES),
    ("the journal put over what others wrote", "src/store/journal_file.c",
     "		return YB_EXISTS;\n"
     "	return YB_OK;",
     "		return YB_OK;\n"
     "	return YB_OK;",
     FAILURES),
    ("a log synced for the journal while another takes over",
     "src/store/journal.c",
     "		if (!mb->syncing && !mb->failed &&\n"
     "		    mb->work != MAILBOX_SWITCHING)",
     "		if (!mb->syncing && !mb->failed)",
     FAILURES),
    ("a journal that failed answered as if it had not",
     "src/store/journal.c",
     "mailbox_synced(mb, item->upto, b->err == YB_OK);",
     "mailbox_synced(mb, item->upto, true);",
     FAILURES),
    ("answered before the sync", "src/store/sync.c",
     "	j->upto = mb->tail;\n",
     "	j->upto = mb->tail;\n"
     "	publish(mb, j->upto);\n",
     POWERCUT),
    ("a sync taken for later records too", "src/store/sync.c",
     "if (part->end > upto)",
     "if (part->end > mb->tail)",
     POWERCUT),
    ("the index says of syncs what was not synced", "src/store/sync.c",
     ".durable_upto = mb->durable }",
     ".durable_upto = mb->tail }",
     POWERCUT),
    ("new log renamed before its sync", "src/store/files.c",
     "	if (err == YB_OK)\n"
     "		err = os->sync(os->ctx, fd);\n"
     "	return err;\n"
     "}\n"
     "\n"
     "enum yb_err files_make_log",
     "	return err;\n"
     "}\n"
     "\n"
     "enum yb_err files_make_log",
     POWERCUT),
    ("folder sync of a new log left out", "src/store/files.c",
     "		else\n"
     "			err = os->sync_folder(os->ctx, dir);\n",
     "",
     POWERCUT),
    ("folder syncs above left out", "src/store/files.c",
     "	err = os->sync_folder(os->ctx, dir);\n"
     "	if (err == YB_OK && word != NULL)",
     "	err = YB_OK;\n"
     "	if (err == YB_OK && word != NULL)",
     POWERCUT),
    ("compacted log renamed before its sync", "src/store/compact.c",
     "err = os->sync(os->ctx, c->fd);",
     "err = YB_OK;",
     POWERCUT),
    ("folder sync of a compacted log left out", "src/store/compact.c",
     "	err = os->sync_folder(os->ctx, c->dir);\n"
     "	if (err == YB_OK)\n"
     "		finish_index(c);",
     "	finish_index(c);",
     POWERCUT),
    ("what came during a compaction forgotten", "src/store/compact.c",
     "	if (upto <= c->done)\n"
     "		return YB_OK;\n"
     "	loaded_init(&w.loaded);",
     "	if (upto >= c->done)\n"
     "		return YB_OK;\n"
     "	loaded_init(&w.loaded);",
     POWERCUT),
    ("deleted mail freed before its time", "src/store/generation.c",
     "	if (st->config.undelete_days == 0)\n"
     "		return UINT32_MAX;\n",
     "	if (st->config.undelete_days != 99999)\n"
     "		return UINT32_MAX;\n",
     POWERCUT),
    ("generation dropped under a snapshot", "src/store/generation.c",
     "	if (log->read_fd < 0) {\n"
     "		err = log_file_make_room",
     "	if (log->read_fd < -1) {\n"
     "		err = log_file_make_room",
     COMPACT),
    ("numbers of an emptied log forgotten", "src/store/recover.c",
     "	if (head->next_uid > t->last_uid + 1)\n",
     "	if (head->next_uid > UINT64_MAX - 1)\n",
     POWERCUT),
    ("checksum of bodies ignored", "src/store/scan.c",
     "*ret_good = log_summer_end(s->summer) == record->body_sum;",
     "*ret_good = true;",
     POWERCUT),
    ("checksums of index entries ignored", "src/store/index.c",
     "		if (e->sum != entry_sum(t, i))\n"
     "			return YB_CORRUPT;\n",
     "",
     INDEX),
    ("index believed beyond its log", "src/store/load.c",
     "	if (head->covers_upto > ld->size || head->durable_upto > ld->size ||\n"
     "	    head->covers_upto",
     "	if (head->covers_upto",
     DAMAGE),
    ("shown without a sync after a crash", "src/store/load.c",
     "	if (!ld->distrust && os->sync(os->ctx, l->log_fd) == YB_OK)",
     "	if (!ld->distrust)",
     POWERCUT),
    ("a failed sync asked again and believed", "src/store/sync.c",
     "	else\n"
     "		mb->failed = true;\n"
     "	mailbox_synced(mb, j->upto, j->base.err == YB_OK);\n",
     "	mailbox_synced(mb, j->upto, j->base.err == YB_OK);\n",
     FAILURES),
    ("half a delivery left in a log", "src/store/append.c",
     "	if (os->cut(os->ctx, mb->log->fd, part->at) != YB_OK) {",
     "	if (false) {",
     FAILURES),
    ("half of a session's deletes made", "src/store/sync.c",
     "	for (uint32_t i = 0; i < change.count; i++, p += change.range_size) {",
     "	for (uint32_t i = 0; i < (change.count + 1) / 2;\n"
     "	     i++, p += change.range_size) {",
     POWERCUT),
    ("a record's sum not looked at", "src/store/log.c",
     "	if (get_le32(src) != LOG_RECORD_MAGIC ||\n"
     "	    log_record_sum(src) != record_sum(keys, at, src))\n",
     "	if (get_le32(src) != LOG_RECORD_MAGIC)\n",
     DAMAGE),
    ("acknowledged mail cut as a torn tail", "src/store/recover.c",
     "	if (ld->bad.at >= ld->durable && ",
     "	if (",
     DAMAGE),
    ("numbers of lost records given again", "src/store/recover.c",
     "	t->last_seq += n;\n"
     "	if (uids)\n"
     "		t->last_uid += n;\n",
     "	(void)n;\n"
     "	(void)uids;\n",
     DAMAGE),
    ("a generation dropped under its snapshots", "src/store/generation.c",
     "	if (err == YB_OK)\n"
     "		log_file_add_reader(log);\n",
     "",
     COMPACT),
    ("an id given twice by a restore", "src/store/add.c",
     "		a->errs[*found - a->copies] = YB_EXISTS;",
     "		a->errs[*found - a->copies] = YB_AGAIN;",
     ADD),
]

SAMPLE = [mutant[0] for mutant in MUTANTS]
