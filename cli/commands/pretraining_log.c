/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of a run, one JSON object a line, and what is shown of it on a terminal.
 */
#include <math.h>
#include <string.h>

#include "cli/commands/pretraining.h"
#include "cli/step_log.h"

static const char *path_of(const struct pretraining *p, char path[PATH_MAX])
{
    if (p->o->run.log)
        return p->o->run.log;
    pretraining_path(p, "log.jsonl", path);
    return path;
}

pln_status pretraining_open_log(struct pretraining *p, pln_error *error)
{
    char path[PATH_MAX];
    return cli_log_open(path_of(p, path), p->begun, &p->log, error);
}

static struct follow_options wanted(const struct pretraining *p, char path[PATH_MAX])
{
    return (struct follow_options){.plot = p->o->run.plot,
                                   .tensorboard = p->o->run.tensorboard,
                                   .log = path_of(p, path),
                                   .title = "Pre-training",
                                   .begun = p->begun,
                                   .steps = p->o->learning.steps};
}

int pretraining_try_outputs(const struct pretraining *p)
{
    char path[PATH_MAX];
    const struct follow_options options = wanted(p, path);
    return follow_try(&options);
}

int pretraining_follow(struct pretraining *p)
{
    char path[PATH_MAX];
    const struct follow_options options = wanted(p, path);
    return follow_open(&p->follow, &options);
}

static pln_status write_line(struct pretraining *p, json_t *line, pln_error *error)
{
    char path[PATH_MAX];
    return follow_log(&p->follow, p->log, path_of(p, path), line, error);
}

static void set_halves(json_t *line, const char *prefix, const pln_pretraining_report *r)
{
    const struct {
        const char *name;
        double value;
    } fields[] = {
        {"masked_lm_loss", (double)r->masked_lm_loss},
        {"disc_loss", (double)r->disc_loss},
        {"masked_lm_accuracy", r->masked_lm_accuracy},
        {"sampled_masked_lm_accuracy", r->sampled_masked_lm_accuracy},
        {"disc_accuracy", r->disc_accuracy},
        {"disc_precision", r->disc_precision},
        {"disc_recall", r->disc_recall},
        {"disc_auc", r->disc_auc},
    };
    char name[48];
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        snprintf(name, sizeof name, "%s%s", prefix, fields[i].name);
        cli_set_json(line, name, cli_json_number(fields[i].value));
    }
}

pln_status pretraining_log_step(struct pretraining *p, const struct pretraining_step *s, pln_error *error)
{
    const pln_pretraining_report *r = &s->halves;
    json_t *line = json_object();
    cli_set_json(line, "step", json_integer(s->step.step));
    cli_set_json(line, "epoch", cli_json_number(s->epoch));
    cli_set_json(line, "loss", cli_json_number((double)s->step.loss));
    set_halves(line, "", r);
    cli_set_json(line, "learning_rate", cli_json_number((double)s->step.learning_rate));
    cli_set_json(line, "gradient_norm", cli_json_number((double)s->step.gradient_norm));
    cli_set_json(line, "examples", json_integer((json_int_t)r->examples));
    cli_set_json(line, "tokens", json_integer((json_int_t)r->tokens));
    cli_set_json(line, "masked", json_integer((json_int_t)r->masked));
    cli_set_json(line, "mask_tokens", json_integer((json_int_t)r->mask_tokens));
    cli_set_json(line, "replaced", json_integer((json_int_t)r->replaced));
    cli_set_json(line, "tokens_per_s", cli_json_number((double)r->tokens / s->seconds));
    cli_set_json(line, "data_wait", cli_json_number(s->waited / s->seconds));
    cli_set_json(line, "page_faults", json_integer((json_int_t)s->faults));
    return write_line(p, line, error);
}

pln_status pretraining_log_validation(struct pretraining *p, uint32_t step, double epoch,
                                      const pln_pretraining_report *halves, double loss, pln_error *error)
{
    json_t *line = json_object();
    cli_set_json(line, "step", json_integer(step));
    cli_set_json(line, "epoch", cli_json_number(epoch));
    cli_set_json(line, "eval_loss", cli_json_number(loss));
    set_halves(line, "eval_", halves);
    return write_line(p, line, error);
}

/* Losses with the share that is right; what an 80th column cuts off is the pace. */
void pretraining_show(struct pretraining *p, const struct pretraining_step *s)
{
    char text[160];
    const pln_pretraining_report *r = &s->halves;
    int used = snprintf(text, sizeof text, "mlm %.3f %.0f%%", (double)r->masked_lm_loss, 100 * r->masked_lm_accuracy);
    if (!p->masked_lm_only)
        used += snprintf(text + used, sizeof text - (size_t)used, "  disc %.4f %.0f%% auc %.3f", (double)r->disc_loss,
                         100 * r->disc_accuracy, r->disc_auc);
    snprintf(text + used, sizeof text - (size_t)used, "  %.0f tokens/s", (double)r->tokens / s->seconds);
    cli_progress_line(&p->progress, s->step.step, p->o->learning.steps, text);
}

enum { DUMPED = 10 };

pln_status pretraining_dump(const struct pretraining *p, const pln_corpus_batch *batch,
                            const struct pretraining_step *step, pln_error *error)
{
    char path[PATH_MAX];
    pln_tensor all[DUMPED];
    uint32_t n = 0;
    for (uint32_t i = 0; i < batch->n_tensors; i++)
        all[n++] = batch->tensors[i];
    for (uint32_t i = 0; i < step->halves.n_tensors; i++)
        all[n++] = step->halves.tensors[i];
    all[n++] = (pln_tensor){"masked_lm_loss", PLN_F32, 1, {1}, &step->halves.masked_lm_loss};
    all[n++] = (pln_tensor){"disc_loss", PLN_F32, 1, {1}, &step->halves.disc_loss};
    if (snprintf(path, sizeof path, "%s/step-%06u.safetensors", p->o->dump, step->step.step) >= PATH_MAX) {
        *error = (pln_error){.status = PLN_FAILED, .node = -1, .message = "the path of --dump-steps is too long"};
        return PLN_FAILED;
    }
    return pln_tensor_file_write(path, all, n, error);
}
