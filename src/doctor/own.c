/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What belongs to the program itself: see own.h. */
#include "doctor/own.h"

#include <stdio.h>

#include "api/keys.h"
#include "base/options.h"
#include "doctor/checkup.h"
#include "doctor/reach.h"
#include "net/tls_peer.h"
#include "net/tls_server.h"

void
ac_own_check_configuration(struct ac_checkup *checkup, const char *complaint)
{
	if (complaint != NULL)
		ac_checkup_say(checkup, AC_FINDING_FAILED,
		    "--help and docs/configuration.md say what is allowed.",
		    "%s", complaint);
	else
		ac_checkup_say(checkup, AC_FINDING_OK, NULL,
		    "flags, environment and file are read");
	ac_checkup_next(checkup);
}

void
ac_own_check_keys(struct ac_checkup *checkup, const struct ac_options *options)
{
	char reason[AC_REASON_SIZE];
	struct ac_keys *keys = NULL;
	size_t count;

	if (options->api_keys_file == NULL && options->bearer_token == NULL) {
		ac_checkup_say(checkup, AC_FINDING_OK, NULL,
		    "none is wanted: BEARER_TOKEN and API_KEYS_FILE are empty");
		ac_checkup_next(checkup);
		return;
	}
	keys = ac_keys_load(options->api_keys_file, options->bearer_token, NULL,
	    reason, sizeof(reason));
	count = keys == NULL ? 0 : ac_keys_count(keys);
	if (keys == NULL)
		ac_checkup_say(checkup, AC_FINDING_FAILED,
		    "docs/keys.md says how a line looks.", "%s", reason);
	else if (count == 0)
		ac_checkup_say(checkup, AC_FINDING_WARNING,
		    "akashchat-api --hash-key makes the hash for a line of it.",
		    "API_KEYS_FILE holds no key, so every client is refused");
	else
		ac_checkup_say(checkup, AC_FINDING_OK, NULL,
		    "%zu key%s may come in", count, count == 1 ? "" : "s");
	ac_keys_unref(keys);
	ac_checkup_next(checkup);
}

static void
check_life(struct ac_checkup *checkup, const char *path)
{
	struct ac_tls_certificate certificate;
	enum ac_finding finding;
	char life[64];

	if (!ac_tls_certificate_read(&certificate, path)) {
		ac_checkup_say(checkup, AC_FINDING_FAILED, NULL,
		    "TLS_CERT=%.300s: it cannot be read again", path);
		return;
	}
	finding = ac_reach_judge_life(certificate.seconds_left);
	ac_reach_describe_life(certificate.seconds_left, life, sizeof(life));
	ac_checkup_say(checkup, finding,
	    finding == AC_FINDING_OK
		? NULL
		: "Renew it: clients refuse one that has ended.",
	    "TLS_CERT is of %s by %s, %s", certificate.subject,
	    certificate.issuer, life);
}

void
ac_own_check_certificate(
    struct ac_checkup *checkup, const struct ac_options *options)
{
	char reason[AC_REASON_SIZE];
	struct ac_tls_server *tls;

	if (options->tls_cert == NULL && options->tls_key == NULL) {
		ac_checkup_say(checkup, AC_FINDING_OK, NULL,
		    "none: clients speak plain HTTP");
	} else if (options->tls_cert == NULL || options->tls_key == NULL) {
		ac_checkup_say(checkup, AC_FINDING_FAILED, NULL,
		    "%s is set without %s: TLS needs both",
		    options->tls_cert != NULL ? "TLS_CERT" : "TLS_KEY",
		    options->tls_cert != NULL ? "TLS_KEY" : "TLS_CERT");
	} else {
		tls = ac_tls_server_new(options->tls_cert, options->tls_key,
		    reason, sizeof(reason));
		if (tls == NULL)
			ac_checkup_say(
			    checkup, AC_FINDING_FAILED, NULL, "%s", reason);
		else
			check_life(checkup, options->tls_cert);
		ac_tls_server_free(tls);
	}
	ac_checkup_next(checkup);
}
