#include "mime/date.h"

enum { SECONDS_A_DAY = 86400, DAYS_IN_400_YEARS = 146097 };

/* 0000-03-01 to 1970-01-01, in days of the Gregorian calendar. */
static const int64_t epoch_days = 719468;
static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date {
	int year, month, day; /* month from 0, day from 1 */
};

/*
 * Years are counted from March, so that the leap day comes last; months then
 * have 153 days in every five.
 */
static struct date date_of_day(int64_t days_since_1970)
{
	int64_t days = days_since_1970 + epoch_days;
	int64_t era = (days < 0 ? days - DAYS_IN_400_YEARS + 1 : days) /
		      DAYS_IN_400_YEARS;
	int in_era = (int)(days - era * DAYS_IN_400_YEARS);
	int year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) /
		   365;
	int in_year = in_era - (365 * year + year / 4 - year / 100);
	int march_month = (5 * in_year + 2) / 153;
	struct date d;

	d.day = in_year - (153 * march_month + 2) / 5 + 1;
	d.month = (march_month + 2) % 12;
	d.year = (int)(era * 400) + year + (d.month < 2);
	return d;
}

/* Writes `digits` decimal digits of `v`; where they end. */
static char *put_digits(char *p, int v, int digits)
{
	for (int i = digits - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + digits;
}

static char *put_name(char *p, const char *names, int index)
{
	memcpy(p, names + 3 * index, 3);
	return p + 3;
}

void date_put(char ret[DATE_TEXT_MAX], int64_t ns)
{
	int64_t s = ns / 1000000000 - (ns % 1000000000 < 0);
	int64_t days = s / SECONDS_A_DAY - (s % SECONDS_A_DAY < 0);
	int of_day = (int)(s - days * SECONDS_A_DAY);
	struct date d = date_of_day(days);
	char *p = ret;

	/* 1970 began on a Thursday. */
	p = put_name(p, day_names, (int)(((days + 4) % 7 + 7) % 7));
	memcpy(p, ", ", 2);
	p = put_digits(p + 2, d.day, 2);
	*p++ = ' ';
	p = put_name(p, month_names, d.month);
	*p++ = ' ';
	p = put_digits(p, d.year, 4);
	*p++ = ' ';
	p = put_digits(p, of_day / 3600, 2);
	*p++ = ':';
	p = put_digits(p, of_day / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, of_day % 60, 2);
	memcpy(p, " +0000", 7);
}
