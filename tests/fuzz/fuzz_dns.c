/*
 * Answers of a name server (threat 44). Input: an octet of which type was
 * asked for, then the packet. What it says can be printed.
 */
#include "fuzz/fuzz.h"

#include "cli/doctor_answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const ns_type types[] = { ns_t_a, ns_t_aaaa, ns_t_ptr, ns_t_mx,
					 ns_t_srv };
	static struct doctor_answers found;
	struct span in = span_of(data, size), packet;
	ns_type type = types[fuzz_take(&in) % 5];

	packet = fuzz_piece(&in, SIZE_MAX);
	found.n = 0;
	doctor_answers_read(packet.p, packet.n, type, &found);
	MUST(found.n <= DOCTOR_ANSWERS_MAX);
	for (size_t i = 0; i < found.n; i++) {
		const char *name = found.names[i];

		MUST(memchr(name, 0, sizeof found.names[i]) != NULL);
		for (; *name != 0; name++)
			MUST(*name > ' ' && *name < 0x7f);
		MUST(type != ns_t_srv || found.ports[i] <= 65535);
	}
	fuzz_free(packet);
	return 0;
}
