/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The parts of the configuration that lie in files of their own. */
#ifndef AC_DOCTOR_OWN_H
#define AC_DOCTOR_OWN_H

struct ac_checkup;
struct ac_options;

/* Each says what it finds and ends the step. */
void ac_own_check_keys(
    struct ac_checkup *checkup, const struct ac_options *options);
void ac_own_check_certificate(
    struct ac_checkup *checkup, const struct ac_options *options);

/* complaint: why the configuration could not be read; NULL: it could. */
void ac_own_check_configuration(
    struct ac_checkup *checkup, const char *complaint);

#endif
