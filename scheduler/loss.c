/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of a schedule after the loss of a device: it is opened again, or the schedule does without it.
 */
#include "common/fail.h"
#include "scheduler/scheduler.h"

/* What lay there is lost with it, or half written: nobody but the owner of the states knows what to do. States that no plan
 * has met yet hold nothing. */
static bool needs_states(const pln_schedule *schedule)
{
    for (uint32_t i = 0; i < schedule->graph->n_values; i++)
        if (schedule->graph->values[i]->kind == PLN_VALUE_STATE && schedule->states->list)
            return true;
    return false;
}

static void tell(const pln_schedule *schedule, const char *device, const char *what, const pln_error *why)
{
    const pln_host *host = &schedule->devices->runtime->host;
    char text[700];
    snprintf(text, sizeof text, "device %s is lost (%s); %s", device, why ? why->message : "", what);
    host->log(host->context, PLN_LOG_LEVEL_WARNING, text);
}

static pln_status give_up(pln_schedule *s, uint32_t index, const struct sched_open *lost, pln_error *error)
{
    const char *name = s->devices->devices[index].entry.name;
    const pln_error why = *error;
    pln_error again = {.node = -1};
    if (s->on_loss == PLN_ON_LOSS_FAILOVER) {
        tell(s, name, "its nodes go to the next device that takes them", error);
        s->gone[index] = true;
        return PLN_OK;
    }
    tell(s, name, "it is opened again", error);
    if (sched_open_again(s->devices, index, lost, &again) == PLN_OK)
        return PLN_OK;
    return pln_fail(error, PLN_DEVICE_LOST, "device %s is lost (%.200s) and cannot be opened again: %.200s", name,
                    why.message, again.message);
}

/* Constants on lost devices; all of them when nodes move. */
static void drop_constants(pln_schedule *s)
{
    for (uint32_t i = 0; i < s->n_uses; i++)
        if (s->uses[i].constant && (s->on_loss == PLN_ON_LOSS_FAILOVER || sched_constant_is_lost(s->uses[i].constant)))
            sched_constant_release(s->devices, &s->uses[i].constant);
}

pln_status sched_place_again(pln_schedule *s, pln_error *error)
{
    s->unplaced = true;
    s->n_segments = s->n_uses = s->n_ranges = 0;
    pln_status status = sched_place_nodes(s, error);
    if (status == PLN_OK)
        status = sched_connect(s, error);
    s->unplaced = status != PLN_OK;
    return status;
}

/* The error says why they are lost. */
static pln_status meet_losses(pln_schedule *schedule, pln_error *error)
{
    pln_devices *devices = schedule->devices;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < devices->n; i++) {
        struct sched_open *open = sched_open_acquire(devices, i);
        if (!schedule->gone[i] && sched_is_lost(open)) /* if not, another schedule opened it again already */
            status = give_up(schedule, i, open, error);
        sched_open_release(&open);
    }
    return status;
}

/* Everything on lost devices goes, and the schedule is placed anew. */
static pln_status renew(pln_schedule *schedule, pln_error *error)
{
    pln_error local = {.status = PLN_DEVICE_LOST, .node = -1};
    error = error ? error : &local;
    sched_drop_plans(schedule);
    drop_constants(schedule);
    const pln_status status = meet_losses(schedule, error);
    return status == PLN_OK ? sched_place_again(schedule, error) : status;
}

pln_status sched_meet_earlier(pln_schedule *schedule, pln_error *error)
{
    pln_error local = {.status = PLN_DEVICE_LOST, .node = -1};
    error = error ? error : &local;
    if (schedule->on_loss == PLN_ON_LOSS_FAIL)
        return PLN_OK;
    snprintf(error->message, sizeof error->message, "before this graph came");
    return meet_losses(schedule, error);
}

pln_status sched_recover(pln_schedule *schedule, pln_error *error)
{
    if (schedule->on_loss == PLN_ON_LOSS_FAIL || needs_states(schedule))
        return PLN_DEVICE_LOST;
    return renew(schedule, error);
}

static bool has_lost(const pln_schedule *s)
{
    bool lost = false;
    for (uint32_t i = 0; !lost && i < s->devices->n; i++) {
        struct sched_open *open = sched_open_acquire(s->devices, i);
        lost = !s->gone[i] && sched_is_lost(open);
        sched_open_release(&open);
    }
    return lost;
}

/* Plans know what they lie on; without one it is the list that tells, and constants that were kept. */
static bool is_stale(const pln_schedule *s)
{
    bool stale = !s->plans && has_lost(s);
    for (uint32_t i = 0; !s->plans && i < s->n_uses; i++)
        stale |= s->uses[i].constant && sched_constant_is_lost(s->uses[i].constant);
    for (const struct sched_plan *plan = s->plans; plan; plan = plan->next)
        for (uint32_t i = 0; i < s->devices->n; i++)
            stale |= !s->gone[i] && sched_is_lost(plan->opens[i]);
    return stale;
}

pln_status sched_refresh(pln_schedule *schedule, pln_error *error)
{
    if (schedule->on_loss == PLN_ON_LOSS_FAIL || !is_stale(schedule))
        return schedule->unplaced ? sched_place_again(schedule, error) : PLN_OK;
    error = error ? error : &(pln_error){.node = -1};
    snprintf(error->message, sizeof error->message, "in an earlier run");
    return renew(schedule, error);
}
