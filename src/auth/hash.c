#include "auth/hash.h"

#include "base/buf.h"
#include "crypto/crypt_hash.h"

void hash_run(struct pool_job *pool_job)
{
	struct hash_job *job = list_entry(pool_job, struct hash_job, job);
	uint8_t salted[SCRAM_KEY_LEN];

	job->err = scram_salted_password(job->password, job->salt,
					 job->iterations, salted);
	if (job->err == YB_OK)
		job->err = scram_verifier_of(salted, &job->ret);
	if (job->err == YB_OK && job->imported[0] != 0)
		job->err = crypt_hash_check(job->imported, job->password,
					    &job->fits_imported);
	mem_wipe(salted, sizeof salted);
}

void hash_warm_up(void)
{
	struct hash_job job = { .password = SPAN_LIT("warm"),
				.salt = SPAN_LIT("up"),
				.iterations = 1 };

	hash_run(&job.job);
}
