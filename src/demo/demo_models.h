/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The models that the simulated app lists. */
#ifndef AC_DEMO_DEMO_MODELS_H
#define AC_DEMO_DEMO_MODELS_H

/* Used where a chat names no model. */
#define AC_DEMO_DEFAULT_MODEL "Meta-Llama-3-3-70B-Instruct"

/* Not a language model but the painter. */
#define AC_DEMO_IMAGE_MODEL "AkashGen"

/* The list as the endpoint gives it, a bare JSON array; the caller frees
 * it. */
char *ac_demo_models_json(void);

#endif
