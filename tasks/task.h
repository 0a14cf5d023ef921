/* SPDX-License-Identifier: Apache-2.0
 *
 * What a task is inside: one constant in one file, listed in tasks.def. It has four sides.
 *
 *     ask     a row (and its labels) -> examples; the engine makes sequences of tokens of them
 *     answer  what the model gave for these sequences -> items, numbers, JSON
 *     score   answers beside labels -> the numbers of an evaluation
 *     learn   a row with labels and its sequences -> lessons for a trainer
 *
 * A task knows no file and no loop; the engine (engine.h) knows no task. A hook gets what it may look at and fails with
 * a sentence about this one row. All memory of a row is taken from row->memory and is gone with the row: nothing is
 * freed by a task.
 */
#ifndef TASKS_TASK_H
#define TASKS_TASK_H

#include <jansson.h>
#include <string.h>

#include "api/pleione.h"
#include "common/arena.h"
#include "session/session.h"

/* ---- a task that is being opened, and what it keeps */

enum task_too_long { TASK_REFUSE, TASK_CUT, TASK_WINDOW };
enum { TASK_OUTPUTS = 2, TASK_INPUTS = 3 };

struct task_work;
struct task_sequence;

/* An output that a task reads. */
struct task_read {
    enum electra_output kind;
    uint32_t layer; /* of ELECTRA_LAYER_STATE; 0: the embeddings */
};

/* Everything about a task that is the same for all its rows. `open` reads it above the line and writes below it. */
struct task_setup {
    pln_model *model;
    const struct electra_config *config; /* the model's */
    const pln_tokenizer *tokenizer;
    pln_head session_head;     /* PLN_HEAD_DEFAULT while a session is only prepared */
    const pln_option *options; /* checked against the table of the task: look them up by task_word, task_number, ... */
    uint32_t n_options;
    const pln_task_info *info;   /* the task's */
    uint64_t *asked;             /* while it is opened, bit i: option i of the info was looked up; NULL afterwards */
    enum task_too_long too_long; /* option too-long, if the task has it */
    uint32_t longest;            /* tokens that a sequence may have, special ones included */
    struct arena memory;         /* as long as the task */
    /* -- */
    void *settings;            /* the task's own: info's struct of kind->settings_bytes bytes, zeroed */
    pln_encode_options encode; /* max_length, overflow are set by too_long; a task sets truncation, stride, ... */
    pln_head head;             /* of the session; that of the info unless a task chooses */
    bool hidden_states;        /* the session must have them */
    struct task_read outputs[TASK_OUTPUTS]; /* the logits unless a task says otherwise */
    uint32_t n_outputs;
    /* Instead of a forward of the engine, for answers that take many: sets outputs[0] of the n sequences of a batch, whose
     * tokens are there. NULL: a forward. That of the kind unless a task says otherwise. */
    pln_status (*run)(struct task_work *work, struct task_sequence *const *sequences, uint32_t n, pln_error *error);
};

/* ---- a row on its way */

/* Tokens of a sequence, columns as in pln_encodings; of a task without places ids and types alone. */
struct task_tokens {
    uint32_t n;
    const int32_t *ids, *types, *words;
    const int8_t *sequences;
    const uint8_t *special_mask;
    const uint32_t *begins, *ends, *begin_bytes, *end_bytes;
};

/* [rows, width], dense: one row a token (heads with logits by token, hidden states; of spans width 2: begin, end), one
 * in all (sequence classification, multiple choice: width 1), or one a target. */
struct task_output {
    const float *data;
    uint32_t rows, width;
};

struct task_sequence {
    struct task_row *row;
    struct task_tokens tokens;
    uint32_t example; /* of the row: the one that it is of, or a window of */
    uint32_t length;  /* tokens with the padding that the reference would give this row alone, if the head sees it */
    const uint32_t *targets; /* places of tokens whose logits are wanted, ascending; NULL: of all. Set by `mark` */
    uint32_t n_targets;
    struct task_output outputs[TASK_OUTPUTS]; /* as in the setup */
};

struct task_row {
    const struct task_kind *kind;
    const struct task_setup *setup;
    const void *settings; /* the setup's */
    const pln_record *row;
    bool labelled;                   /* labels are wanted: `ask` reads them, `answer` sets loss and weight */
    bool bare;                       /* no JSON is wanted, nor what makes work beside items */
    struct arena *memory;            /* zeroed; lives until the answer has left */
    void *kept;                      /* from `ask` to `answer` */
    struct task_sequence *sequences; /* by example, then by window */
    uint32_t n_sequences;
    pln_answer answer;           /* items, numbers, loss and weight are written by `answer` */
    json_t *json;                /* so is this, unless the row is bare */
    struct task_examples *under; /* the engine's, from here on */
    uint32_t first_example, n_examples, missing;
    bool done;
};

/* A batch of a task that brings its own way through the model. */
struct task_work {
    pln_session *session;
    const struct task_setup *setup;
    void **worker; /* what the task keeps from batch to batch, NULL at first; kind->finish frees it */
    /* Room for n numbers, which live until the batch is answered; NULL: there is no memory. Once a batch. */
    float *(*take)(struct task_work *work, size_t n);
    struct task_results *results; /* the engine's */
};

/* ---- the constant */

/* The third side, in a file of its own (NAME_score.c). */
struct task_score {
    /* What the scores of this model are, if no row says otherwise, and of how many classes. */
    const struct score_family *(*family)(const struct task_setup *setup, uint32_t *classes);
    /* Changes the setup for rows with labels. May be NULL. */
    void (*open)(struct task_setup *setup);
    /* When the row has its answer: calls task_judge and fills what that returns, loss and weight too. PLN_INVALID names
     * the column of the label, and what is wrong with it. */
    pln_status (*judge)(struct task_row *row, pln_error *error);
};

/* The fourth side, beside the third: what is learned from a row. */
struct task_lessons;
enum task_target {
    TASK_CLASS,
    TASK_NUMBERS,
    TASK_TOKENS,
    TASK_SPAN,
    TASK_SPAN_OR_NONE /* the head asks `impossible` */
};
struct task_lesson {
    const struct task_sequence *sequences; /* one, or all choices of an example */
    uint32_t n_sequences;
    enum task_target target;
    int32_t class;        /* of the example */
    const float *numbers; /* [n_numbers], of the example */
    uint32_t n_numbers;
    const int32_t *tokens; /* [tokens of the sequence], -100: none */
    int32_t first, last;   /* of a span: places of tokens */
    bool impossible;       /* of a span or none: the row has no answer, in whatever window */
};
struct task_learn {
    /* Labels of the row that name classes, and whether they stand in a list. NULL: none do. */
    pln_status (*name)(struct task_row *row, const pln_text **names, uint32_t *n, bool *list, pln_error *error);
    uint32_t n_labels;        /* without `name`: that the head must have; 0: as the model has it */
    const char *problem_type; /* that goes with them */
    bool problems;            /* with `name`: the labels may be of any type of problem, which rows or the caller say */
    bool choices;             /* sequences of an example stand side by side in a batch, [B,C,S] */
    /* Instead of cutting a row that is too long; longest is set. May be NULL. */
    void (*open)(struct task_setup *setup);
    bool pieces; /* it makes pieces of a text, which may share tokens, and the task has no option that says how many */
    /* When the row has its tokens: calls task_learn for each lesson. PLN_INVALID names the column. */
    pln_status (*learn)(struct task_row *row, struct task_lessons *into, pln_error *error);
    /* Chooses anew each epoch what is hidden: ids [n] are changed, labels [n] set. NULL: lessons stay as they are. */
    void (*hide)(const struct task_setup *setup, const uint32_t key[2], uint64_t epoch, int32_t *ids, int32_t *labels,
                 uint32_t *places, uint32_t n);
};

/* ---- lessons.c */

/* Keeps a lesson, all of which is copied. PLN_INVALID: it has another number of choices than those before. */
pln_status task_learn(struct task_lessons *into, const struct task_lesson *lesson, pln_error *error);

struct task_kind {
    pln_task_info info;
    pln_head also; /* another head that it takes; PLN_HEAD_DEFAULT: none */
    size_t settings_bytes;
    /* Whether this task of its head is meant when nobody names one; row may be NULL. NULL: when no other one is. */
    bool (*chosen)(const pln_model *model, const pln_record *row);
    /* Reads options, looks at the model, writes the setup. PLN_INVALID names what the model lacks. May be NULL. */
    pln_status (*open)(struct task_setup *setup, pln_error *error);
    /* Calls task_add for each example. PLN_INVALID names the column. */
    pln_status (*ask)(struct task_row *row, pln_error *error);
    /* Of each sequence, when it has tokens: which rows of logits are wanted, or why there is no answer. May be NULL. */
    pln_status (*mark)(struct task_row *row, struct task_sequence *sequence, pln_error *error);
    /* As in the setup. */
    pln_status (*run)(struct task_work *work, struct task_sequence *const *sequences, uint32_t n, pln_error *error);
    void (*finish)(void *worker);
    /* When all sequences have their outputs, which are finite then. */
    pln_status (*answer)(struct task_row *row, pln_error *error);
    enum task_too_long too_long; /* where the option does not say */
    bool no_places;              /* its answers name no part of a text: tokens have ids and types alone */
    bool barred;                 /* an infinity below zero among the logits is a class that a bias bars, and no fault */
    const struct task_score *score; /* NULL: none */
    const struct task_learn *learn; /* NULL: nothing is learned */
};

#define TASK(name) extern const struct task_kind task_##name;
#include "tasks/tasks.def"
#undef TASK

#define SCORE(name) extern const struct task_score task_score_##name;
SCORE(answer)
SCORE(choose)
SCORE(classify)
SCORE(fill_mask)
SCORE(generate)
SCORE(rank)
SCORE(tag)
#undef SCORE

#define LEARN(name) extern const struct task_learn task_learn_##name;
LEARN(answer)
LEARN(choose)
LEARN(classify)
LEARN(fill_mask)
LEARN(generate)
LEARN(rank)
LEARN(tag)
#undef LEARN

/* ---- table.c */

const struct task_kind *task_kind_at(uint32_t index); /* NULL behind the last */
const struct task_kind *task_kind_find(const char *name);
/* As pln_task_choose, for a session's head. */
const struct task_kind *task_kind_choose(const pln_model *model, pln_head head, const pln_record *row);

/* ---- options.c: what the user chose
 *
 * pln_option_info.values says what a value may be, and everything is checked by it:
 *     "a|b|c"     one of these words; "yes|no" is a flag: on the command line its key stands alone for yes
 *     "1..5", "1..", "0.0..1.0"   a whole number, or (with a point in it) any, in these bounds
 *     else        any text, as "TEXT" or "A,B,..."
 */

/* Every key is known and every value may be. PLN_INVALID names task, option, value, and what it may be. */
pln_status task_check_options(const pln_task_info *info, const pln_option *options, uint32_t n_options,
                              pln_error *error);
/* The place of the value among the words of the option; `unsaid` if it was not given. */
uint32_t task_word(const struct task_setup *setup, const char *key, uint32_t unsaid);
uint32_t task_number(const struct task_setup *setup, const char *key, uint32_t unsaid); /* UINT32_MAX if larger */
double task_real(const struct task_setup *setup, const char *key, double unsaid);
bool task_flag(const struct task_setup *setup, const char *key);
const char *task_value(const struct task_setup *setup, const char *key); /* NULL: not given */
/* PLN_FAILED if `open` has not looked up one of the info's options: keys stand in the info and in `open`, and one that is
 * spelled otherwise there would be taken and change nothing. */
pln_status task_check_asked(const struct task_setup *setup, uint64_t asked, pln_error *error);
/* Items of a text that are separated by commas, blanks around them left out, empty ones too; returns how many, in memory.
 * UINT32_MAX: there is no memory. */
uint32_t task_split(struct arena *memory, pln_text text, pln_text **items);

/* Rows of option tables that several tasks have; the second where the reference cuts without being asked. */
#define TASK_TOO_LONG                                                                                                  \
    {                                                                                                                  \
        "too-long", "error|cut",                                                                                       \
            "texts that are longer than the model can take: a row without an answer, or cut "                          \
            "(default error)"                                                                                          \
    }

#define TASK_TOO_LONG_CUT                                                                                              \
    {                                                                                                                  \
        "too-long", "error|cut",                                                                                       \
            "texts that are longer than the model can take: a row without an answer, or cut "                          \
            "(default cut)"                                                                                            \
    }

/* ---- rows.c: what hooks call */

/* Columns that must be there: PLN_INVALID "the row has no column `text`", or that it is a list. */
pln_status task_take_text(const struct task_row *row, const char *name, pln_text *text, pln_error *error);
/* The same for a list; a text may stand for one as JSON ('["a", "b"]'), as in a cell of CSV. */
pln_status task_take_list(const struct task_row *row, const char *name, const pln_text **items, uint32_t *n_items,
                          pln_error *error);
/* One more example of the row; texts must live as long as row->memory (those of the row do). */
pln_status task_add(struct task_row *row, const pln_example *example, pln_error *error);
/* n items of the answer, zeroed: answer.items, answer.n_items are set. NULL: there is no memory. */
pln_item *task_make_items(struct task_row *row, uint32_t n, pln_error *error);
/* The bytes [begin, end) of a text. */
static inline pln_text task_part(pln_text text, uint32_t begin, uint32_t end)
{
    return (pln_text){text.text + begin, end - begin};
}
static inline pln_text task_string(const char *text)
{
    return (pln_text){text, text ? strlen(text) : 0};
}
/* A new JSON string; what is not UTF-8 is U+FFFD for each maximal subpart, as the tokenizer reads it. NULL: there is no
 * memory, and json_pack, json_array_append_new take that as such. */
json_t *task_json_text(pln_text text);
/* Appends item to *list, which becomes NULL when there is no memory for either. Takes the item. */
void task_json_append(json_t **list, json_t *item);
/* Keeps the reason why a row has no answer, the first one. */
void task_refuse_row(struct task_row *row, const pln_error *reason);
/* row->json = json; PLN_NO_MEMORY if it is NULL. */
pln_status task_set_json(struct task_row *row, json_t *json, pln_error *error);

/* ---- judge.c: what the third sides call */

struct score_family;
struct task_judged { /* behind pln_answer.judged */
    const struct score_family *family;
    uint32_t classes;
    const void *row; /* of that family; begins with a struct score_row */
};
/* A row of the family, zeroed, which the answer keeps. NULL: there is no memory. */
void *task_judge(struct task_row *row, const struct score_family *family, uint32_t classes, pln_error *error);
/* The class of the model that a text names, by its label, else by its number. PLN_INVALID names the column. */
pln_status task_read_class(const struct task_row *row, const char *column, pln_text text, uint32_t *class,
                           pln_error *error);
/* A finite number, or a whole one below `end`. */
pln_status task_read_number(const char *column, pln_text text, double *number, pln_error *error);
pln_status task_read_index(const char *column, pln_text text, uint32_t end, uint32_t *index, pln_error *error);
/* -log softmax(logits)[gold], and the one of a sigmoid whose target is 0 to 1, as the losses of PyTorch. */
double task_cross_entropy(const float *logits, uint32_t n, uint32_t gold);
double task_binary_cross_entropy(double logit, double target);
uint32_t task_find_best(const float *x, uint32_t n); /* of equal ones the first; n is not 0 */

/* ---- forward.c: what tasks call that run a batch themselves */

/* input_ids, token_type_ids and attention_mask of sequences, the longest of which is the first; in memory. */
pln_status task_fill_inputs(const struct task_work *work, struct task_sequence *const *sequences, uint32_t n,
                            struct arena *memory, pln_tensor tensors[TASK_INPUTS], pln_error *error);
const pln_tensor *task_find_output(const struct session_flat *flat, struct task_read read); /* NULL: it is not there */

/* ---- arithmetic.c */

void task_softmax(float *x, uint32_t n); /* in place: exp(x) over their sum */
float task_sigmoid(float x);
/* Ids of the `top` highest of n numbers, best first, of equal ones the lower id: n log top steps. */
void task_pick_best(const float *x, uint32_t n, uint32_t *best, uint32_t top);
/* PLN_FAILED names the first number that is not finite: such numbers answer nothing. */
pln_status task_check_finite(const struct task_output *output, bool barred, pln_error *error);
#endif
