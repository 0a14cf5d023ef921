/* SPDX-License-Identifier: Apache-2.0
 *
 * What an application needs first: a runtime, devices, a model of a directory, a session, answers. The rules stand in
 * pleione.h.
 */
#ifndef PLEIONE_MODEL_H
#define PLEIONE_MODEL_H

#include "pleione_base.h"
#include "pleione_heads.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- runtime and devices */

typedef struct pln_runtime_options { /* zero is a good default */
    uint32_t size;                   /* sizeof(pln_runtime_options) */
    uint32_t threads; /* of the team, a caller included; 0: pln_processors(). Callers at the same time share it */
    pln_log_fn *log;  /* NULL: messages are dropped; called from any thread, must not call pleione */
    void *log_context;
    const char *backend_path; /* more folders with plugins, separated by ':'; borrows */
    /* Asked inside of long calls, from their thread, between their steps: what is "opening" (a model), "packing
     * weights", "compiling", "running" (a forward pass, between its segments) or "writing" (bytes of a model that is
     * saved), `done` of `total` steps are made.
     * false: the call ends with PLN_CANCELLED, and what it was given is as before. NULL: nobody is asked. Must not call
     * pleione. */
    bool (*progress)(void *context, const char *what, uint64_t done, uint64_t total);
    void *progress_context;
    const char *faults; /* made on purpose between the library and backends, for tests: docs/backends.md; borrows */
    uint32_t probe_ms;  /* that a plugin which is not known yet has to say what it is; 0: 20000 */
} pln_runtime_options;

/* Returns new. Looks for plugins, loads none. options may be NULL. PLN_NO_MEMORY; PLN_FAILED where a folder of plugins
 * cannot be read. Any thread. */
PLN_API pln_status pln_runtime_create(const pln_runtime_options *options, pln_runtime **runtime, pln_error *error);
PLN_API void pln_runtime_destroy(pln_runtime **runtime);          /* alone */
PLN_API uint32_t pln_runtime_threads(const pln_runtime *runtime); /* members of the team; any thread */

/* A device that could be opened, or a backend that could not be loaded (then info.flags has PLN_DEVICE_FLAG_UNUSABLE
 * and info.reason says why and what to do). */
typedef struct pln_device_entry {
    char name[32];    /* how to ask for it: "cpu", "vulkan", "vulkan:1" */
    char backend[24]; /* "vulkan" */
    char backend_version[24];
    pln_device_info info;
} pln_device_entry;

/* Asks every backend, each that is not known yet in a process of its own (the program pleione-probe): one that crashes,
 * ends or hangs there is listed with the reason and not loaded. The list, and what it points to, belongs to the
 * runtime. Any thread. */
PLN_API pln_status pln_runtime_devices(pln_runtime *runtime, const pln_device_entry *const **devices,
                                       uint32_t *n_devices, pln_error *error);

/* Names of the backends that pln_runtime_devices looks at, in its order, NULL behind the last; loads none. A driver
 * that ends its process can so be asked in a process of its own. The string belongs to the runtime. Any thread. */
PLN_API const char *pln_runtime_backend(pln_runtime *runtime, uint32_t index);
/* The devices of one backend, as above; loads no other. PLN_NO_DEVICE if there is none of that name. Any thread. */
PLN_API pln_status pln_runtime_backend_devices(pln_runtime *runtime, const char *backend,
                                               const pln_device_entry *const **devices, uint32_t *n_devices,
                                               pln_error *error);

/* The name of the device that "auto" means, in *name, which belongs to the runtime. Only the backends that come with
 * pleione are asked, in the order of preference. Any thread. */
PLN_API pln_status pln_runtime_auto(pln_runtime *runtime, const char **name, pln_error *error);

/* Returns new; keeps the runtime. list: device names separated by ',', the preferred first; "auto" (or NULL) is the
 * first discrete GPU, else an integrated one, else cpu, else reference; "all" is every usable device. Only the backends
 * named are loaded, and cpu and reference behind them, for what they refuse. options: "KEY=VALUE" for each chosen
 * device that knows KEY, "BACKEND.KEY=VALUE" for one; borrows. PLN_NO_DEVICE; PLN_INVALID for a key or value that none
 * knows. Any thread. */
PLN_API pln_status pln_devices_open(pln_runtime *runtime, const char *list, const char *const *options,
                                    uint32_t n_options, pln_devices **devices, pln_error *error);
PLN_API void pln_devices_close(pln_devices **devices);          /* after everything that was made on them; alone */
PLN_API uint32_t pln_devices_count(const pln_devices *devices); /* any thread */
/* As opened; NULL if out of range. Any thread. */
PLN_API const pln_device_entry *pln_devices_entry(const pln_devices *devices, uint32_t index);

/* ---- models */

PLN_API const char *pln_head_string(pln_head head);           /* "masked-lm"; any thread */
PLN_API bool pln_head_find(const char *name, pln_head *head); /* any thread */

/* Whose rules a model runs by where frameworks differ; docs/heads.md has the table. */
typedef enum pln_semantics {
    PLN_SEMANTICS_PYTORCH = 0,
    PLN_SEMANTICS_TF = 1,
    PLN_SEMANTICS_FLAX = 2,
    PLN_SEMANTICS_GOOGLE = 3, /* google-research/electra */
} pln_semantics;
PLN_API const char *pln_semantics_string(pln_semantics semantics);           /* "pytorch"; any thread */
PLN_API bool pln_semantics_find(const char *name, pln_semantics *semantics); /* any thread */

/* What the labels of a head belong to, as pln_session_forward takes them: B batch, S length, N labels. */
typedef enum pln_labels {
    PLN_LABELS_NONE = 0,
    PLN_LABELS_TOKENS = 1,    /* a class of each token [B,S]; -100 is none */
    PLN_LABELS_REPLACED = 2,  /* 0 or 1 for each token [B,S], weighed by the mask */
    PLN_LABELS_SEQUENCES = 3, /* by problem type: a class [B], or numbers [B,N] */
    PLN_LABELS_CHOICES = 4,   /* which of the choices is right [B]; -100 is none */
    PLN_LABELS_SPANS = 5,     /* start_positions and end_positions [B] */
} pln_labels;
PLN_API pln_labels pln_head_labels(pln_head head); /* any thread */

/* The halves of a pre-training run, where a directory holds both (checkpoints of Google's code). */
typedef enum pln_part {
    PLN_PART_DEFAULT = 0, /* the only one */
    PLN_PART_DISCRIMINATOR = 1,
    PLN_PART_GENERATOR = 2,
} pln_part;

typedef struct pln_model_options { /* zero is a good default */
    uint32_t size;                 /* sizeof(pln_model_options) */
    uint64_t seed;                 /* for weights that the checkpoint lacks */
    bool without_weights;          /* for estimates: what the directory lacks is zero, and takes no memory */
    const char *weights;           /* which file of the directory, or a path; NULL: the first that is known; borrows */
    pln_part part;
    uint32_t heads;      /* of attention, where no config says; 0: one for 64 columns */
    bool random_weights; /* to train from the start: a directory without weights is opened, all are drawn */
    /* Instead of the config's, for training: weights of heads whose shapes are others are drawn then. */
    const char *const *labels; /* borrows */
    uint32_t n_labels;         /* 0: the config's, all of this */
    const char *problem_type;  /* NULL: the config's; as transformers has it, "regression"; borrows */
} pln_model_options;

/* Returns new; keeps the runtime. directory: of a model; also a file of weights in one, or the prefix of a bundle of
 * TensorFlow. Reads config.json and maps the weights; without config.json, sizes are those of the tensors.
 * PLN_BAD_MODEL names file, tensor, expected, found. Any thread. */
PLN_API pln_status pln_model_open(pln_runtime *runtime, const char *directory, const pln_model_options *options,
                                  pln_model **model, pln_error *error);
PLN_API void pln_model_close(pln_model **model);         /* alone */
PLN_API pln_head pln_model_head(const pln_model *model); /* the default one; any thread */
/* A whole number of the config ("hidden_size", with defaults filled in), or -1 if there is no such field. Any thread.
 */
PLN_API int64_t pln_model_number(const pln_model *model, const char *field);
/* How many classes the labels of a head choose from; of a choice it is the batch that says (2 here), without labels 0.
 * Any thread. */
PLN_API uint32_t pln_model_classes(const pln_model *model, pln_head head);
PLN_API const char *pln_model_label(const pln_model *model,
                                    uint32_t index); /* id2label; NULL if out of range; any thread */
/* Returns new text (pln_free): one JSON object that says what the model is made of. directory, weights, format, half
 * ("discriminator", "generator", "both" or null), head (the default), config with defaults of what was inferred,
 * inferred (names of its fields), files (name, bytes, read, format), heads (head, fits, error, missing, unexpected),
 * tokenizer (files, tokens, error), tensors (name in PyTorch or null, name_in_file, dtype, shape, transposed). Nothing
 * is run. Any thread. */
PLN_API pln_status pln_model_inspect(pln_model *model, char **json, pln_error *error);
/* The model's tokenizer, opened at the first call; belongs to the model. Any thread. */
PLN_API pln_status pln_model_tokenizer(pln_model *model, const pln_tokenizer **tokenizer, pln_error *error);

/* ---- models for other packages */

typedef enum pln_save_format {
    PLN_SAVE_FORMAT_SAFETENSORS = 0, /* model.safetensors, as PyTorch names tensors */
    PLN_SAVE_FORMAT_PYTORCH = 1,     /* pytorch_model.bin */
    PLN_SAVE_FORMAT_TF = 2,          /* tf_model.h5 */
    PLN_SAVE_FORMAT_FLAX = 3,        /* flax_model.msgpack */
} pln_save_format;
/* "safetensors", "pytorch", "tf", "flax"; any thread. */
PLN_API bool pln_save_format_find(const char *name, pln_save_format *format);

typedef struct pln_save_options { /* zero is a good default */
    uint32_t size;                /* sizeof(pln_save_options) */
    pln_save_format format;
    pln_head head;        /* the class whose weights are written */
    pln_dtype dtype;      /* PLN_F32, PLN_F16 or PLN_BF16, rounded to the nearest; 0: each weight keeps its bits */
    uint64_t shard_bytes; /* of weights in a file, at most; 0: all are in one */
} pln_save_options;

/* Writes a directory that from_pretrained of Hugging Face's transformers loads as the same model: weights, config.json,
 * and the tokenizer, if there is one, in the layouts of version 4 and 5. The whole directory or nothing; it may be
 * there if it is empty or a model, whose files are replaced. options may be NULL. PLN_BAD_MODEL: a weight of the head
 * is not there; PLN_INVALID: the format cannot hold the model, or the type a number; PLN_UNSUPPORTED: what writes the
 * format is not there; PLN_FAILED names the path; PLN_CANCELLED: the runtime's progress said so. Any thread. */
PLN_API pln_status pln_model_save(pln_model *model, const char *directory, const pln_save_options *options,
                                  pln_error *error);

/* ---- sessions */

typedef struct pln_session_options { /* zero is a good default */
    uint32_t size;                   /* sizeof(pln_session_options) */
    pln_head head;
    bool every_position; /* padded positions are computed too; else what the mask drops on the right is, and reads as 0
                          */
    bool hidden_states;  /* outputs hidden_states.0 .. hidden_states.L */
    bool attentions;     /* outputs attentions.N, cross_attentions.N; implies every_position */
    bool trace;          /* every node's first output comes back too, packed, as "node:NAME" */
    const pln_schedule_options *schedule; /* NULL: the default */
    pln_semantics semantics;              /* whatever framework wrote the file */
    uint32_t unused;                      /* once padding: nobody reads it */
} pln_session_options;

/* Returns new; keeps model and devices. options may be NULL. Weights that the checkpoint lacks are drawn at random and
 * named in a warning, unexpected ones too. Any thread. */
PLN_API pln_status pln_session_create(pln_model *model, pln_devices *devices, const pln_session_options *options,
                                      pln_session **session, pln_error *error);
PLN_API void pln_session_destroy(pln_session **session); /* alone */

/* The forward pass of the reference implementation: tensors in and out by its names and shapes.
 * In: input_ids or inputs_embeds, attention_mask, token_type_ids, position_ids, head_mask, labels, start_positions,
 * end_positions, encoder_hidden_states, encoder_attention_mask; integers i64 or i32 (masks also bool, u8 or floats),
 * the rest any float type. Borrows. Out: loss, logits, last_hidden_state, start_logits, end_logits, hidden_states.N,
 * attentions.N, cross_attentions.N, f32; they belong to the session until its next forward. PLN_INVALID names the
 * tensor, what was expected and what was found. One thread. */
PLN_API pln_status pln_session_forward(pln_session *session, const pln_tensor *inputs, uint32_t n_inputs,
                                       const pln_tensor **outputs, uint32_t *n_outputs, pln_error *error);

/* The schedule of the last forward (or of the last pln_session_prepare), for explain and statistics; NULL before. One
 * thread. */
PLN_API pln_schedule *pln_session_schedule(pln_session *session);
/* Describes and places the graph that a batch of that shape needs, without running: dims (room for PLN_MAX_DIMS) are
 * its symbols'. One thread. */
PLN_API pln_status pln_session_prepare(pln_session *session, uint32_t batch, uint32_t length, uint32_t *dims,
                                       uint32_t *n_dims, pln_error *error);
/* Text of the graph of the last forward or prepare, by pln_graph_text or pln_graph_dot. One thread. */
PLN_API const pln_graph *pln_session_graph(const pln_session *session);

/* ---- tasks */

/* A word of the text and how likely it is to have been replaced: the highest of its pieces. Bytes of the text. */
typedef struct pln_word {
    uint32_t begin, end;
    float probability;
} pln_word;

/* Replaced-token detection (head pretraining). Returns new words, freed by pln_free. Text that is longer than the model
 * can take is PLN_INVALID. PLN_FAILED, here and below, if a logit is NaN or infinite: then there is no answer. One
 * thread. */
PLN_API pln_status pln_detect(pln_session *session, const char *text, pln_word **words, uint32_t *n_words,
                              pln_error *error);

/* Candidates for one [MASK], best first. */
typedef struct pln_fill {
    uint32_t mask; /* which [MASK] of the text, from 0 */
    int32_t id;
    float probability;
    const char *token; /* belongs to the model */
} pln_fill;

/* Fill-mask (head masked-lm): `top` candidates for each [MASK], at most as many as there are tokens. Returns new, freed
 * by pln_free. No [MASK] is PLN_INVALID. A logit of minus infinity is a token that is barred, with probability 0. One
 * thread. */
PLN_API pln_status pln_fill_mask(pln_session *session, const char *text, uint32_t top, pln_fill **fills,
                                 uint32_t *n_fills, pln_error *error);

/* A label with its probability (softmax; sigmoid for multi-label; the raw value for regression). */
typedef struct pln_class {
    const char *label; /* belongs to the model */
    float score;
} pln_class;

/* Classification (head sequence-classification), labels in the config's order. pair may be NULL. Returns new, freed by
 * pln_free. One thread. */
PLN_API pln_status pln_classify(pln_session *session, const char *text, const char *pair, pln_class **classes,
                                uint32_t *n_classes, pln_error *error);

/* ---- files of tensors */

typedef struct pln_tensor_file pln_tensor_file;

/* Returns new: a .safetensors file, or one of another format that models come in, memory-mapped; its tensors live as
 * long as it is open. One of an element type or a rank that is not known here has dtype 0, rank 0 and no data.
 * PLN_INVALID names file and tensor. While a file of tensors or weights is open, a handler of SIGBUS stands in the
 * process, which passes on what is not about these files: if somebody makes one shorter, what is gone reads as zero. A
 * call of the library that read from it then fails; who reads the tensors himself asks pln_tensor_file_check
 * afterwards. Any thread. */
PLN_API pln_status pln_tensor_file_open(const char *path, pln_tensor_file **file, pln_error *error);
/* PLN_INVALID: the file has become shorter since it was opened. Any thread. */
PLN_API pln_status pln_tensor_file_check(const pln_tensor_file *file, pln_error *error);
PLN_API void pln_tensor_file_close(pln_tensor_file **file);                                          /* alone */
PLN_API const pln_tensor *pln_tensor_file_tensors(const pln_tensor_file *file, uint32_t *n_tensors); /* any thread */

/* Writes a .safetensors file: the whole file or nothing. Borrows. PLN_FAILED names the path. Any thread. */
PLN_API pln_status pln_tensor_file_write(const char *path, const pln_tensor *tensors, uint32_t n_tensors,
                                         pln_error *error);

#ifdef __cplusplus
}
#endif
#endif
