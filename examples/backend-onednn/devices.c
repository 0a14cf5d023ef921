/* SPDX-License-Identifier: Apache-2.0
 *
 * The device, what is taken, and the table.
 */
#include "onednn.h"

static const pln_setting_info settings[] = {{.size = sizeof *settings,
                                             .key = "math",
                                             .values = "f32|bf16",
                                             .help = "bf16: products round their factors to bf16, sums are f32",
                                             .usual = "f32"}};

static pln_status device_count(uint32_t *count, pln_failure *failure)
{
    (void)failure;
    *count = 1;
    return PLN_OK;
}

static pln_status device_info(uint32_t index, const pln_device *device, pln_device_description *info,
                              pln_failure *failure)
{
    const dnnl_version_t *version = dnnl_version();
    if (index)
        return pln_failed(failure, PLN_NO_DEVICE, -1, "onednn: there is one device");
    pln_device_description full = {.size = sizeof full,
                                   .kind = PLN_DEVICE_KIND_CPU,
                                   .flags = PLN_DEVICE_FLAG_HOST_MEMORY | PLN_DEVICE_FLAG_OWN_THREADS,
                                   .dtypes = 1u << PLN_F32 | 1u << PLN_I32,
                                   .alignment = 64,
                                   .f32_bytes = 4,
                                   .row_multiple = 16,
                                   .n_settings = 1,
                                   .setting_stride = sizeof *settings,
                                   .settings = settings,
                                   .driver = "oneDNN"};
    snprintf(full.name, sizeof full.name, "oneDNN on the processor%s", device && device->bf16 ? ", bf16" : "");
    snprintf(full.version, sizeof full.version, "%d.%d.%d", version->major, version->minor, version->patch);
    pln_give(info, &full);
    return PLN_OK;
}

static void device_close(pln_device **device)
{
    pln_device *d = *device;
    *device = NULL;
    if (!d)
        return;
    if (d->stream)
        dnnl_stream_destroy(d->stream);
    if (d->engine)
        dnnl_engine_destroy(d->engine);
    d->host->release(d->host->context, d);
}

static int has_bf16(void)
{
    const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    return isa == dnnl_cpu_isa_avx512_core_bf16 || isa == dnnl_cpu_isa_avx512_core_amx;
}

static pln_status device_open(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *failure)
{
    const pln_host *host = opening->host;
    const char *math = pln_opening_value(opening, "math");
    const int bf16 = math && strcmp(math, "bf16") == 0;
    if (index)
        return pln_failed(failure, PLN_NO_DEVICE, -1, "onednn: there is one device");
    for (uint32_t i = 0; i < opening->n_settings; i++)
        if (strcmp(pln_opening_setting(opening, i)->key, "math") != 0)
            return pln_failed(failure, PLN_INVALID, -1, "onednn: there is no setting %s",
                              pln_opening_setting(opening, i)->key);
    if (math && !bf16 && strcmp(math, "f32") != 0)
        return pln_failed(failure, PLN_INVALID, -1, "onednn: math is f32 or bf16, not %s", math);
    if (bf16 && !has_bf16())
        return pln_failed(failure, PLN_INVALID, -1, "onednn: this processor has no products in bf16");
    pln_device *d = host->allocate(host->context, sizeof *d);
    if (!d)
        return pln_failed(failure, PLN_NO_MEMORY, -1, "onednn: no memory for a device");
    d->host = host;
    d->bf16 = bf16;
    if (dnnl_engine_create(&d->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags) != dnnl_success) {
        device_close(&d);
        return pln_failed(failure, PLN_FAILED, -1, "onednn: the library makes no engine");
    }
    *device = d;
    return PLN_OK;
}

static const char *refusal_of_norm(const pln_segment *segment, const pln_node_info *node)
{
    if (!pln_node_fits(segment, node, PLN_LAYER_NORM_VERSION, sizeof(pln_layer_norm_params), PLN_LAYER_NORM_INPUTS, 1))
        return "a newer layer_norm, or its mean and rstd";
    const pln_value_info *x = pln_segment_value(segment, node->inputs[PLN_LAYER_NORM_INPUT_X]);
    const pln_value_info *y = pln_segment_value(segment, node->outputs[PLN_LAYER_NORM_OUTPUT_Y]);
    /* oneDNN 2.6.3 takes rows with a stride, and then reads them as dense ones. */
    return x->row_stride == x->width && y->row_stride == y->width ? NULL : "rows with padding, or a window";
}

const char *refusal(const pln_segment *segment, uint32_t i)
{
    const pln_node_info *node = pln_segment_node(segment, i);
    if (node->op == PLN_OP_LAYER_NORM)
        return refusal_of_norm(segment, node);
    if (node->op != PLN_OP_LINEAR)
        return "only linear and layer_norm are taken";
    if (!pln_node_fits(segment, node, PLN_LINEAR_VERSION, sizeof(pln_linear_params), PLN_LINEAR_INPUTS, 1))
        return "a newer linear, or its pre-activation";
    const pln_linear_params *params = node->params;
    if (params->drop_below)
        return "dropout is not taken";
    return activation_is_known(params->activation) ? NULL : "this activation is not taken";
}

static pln_status supports(pln_device *device, const pln_segment *segment, pln_verdict *verdicts,
                           uint32_t verdict_stride, pln_failure *failure)
{
    enum { FLOPS_A_NS = 100 };
    (void)failure;
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *node = pln_segment_node(segment, i);
        const char *reason = refusal(segment, i), *name = node->op == PLN_OP_LINEAR ? "matmul" : "layer_norm";
        pln_verdict *verdict = (pln_verdict *)(void *)((char *)verdicts + (size_t)i * verdict_stride);
        verdict->supported = !reason;
        verdict->estimated_ns = node->flops / FLOPS_A_NS;
        snprintf(verdict->kernel, sizeof verdict->kernel, "onednn %s%s", name, device->bf16 ? " bf16" : "");
        snprintf(verdict->reason, sizeof verdict->reason, "%s", reason ? reason : "");
    }
    return PLN_OK;
}

static const pln_backend backend = {.size = sizeof backend,
                                    .abi = PLN_ABI_VERSION,
                                    .name = "onednn",
                                    .version = "1",
                                    .device_count = device_count,
                                    .device_info = device_info,
                                    .device_open = device_open,
                                    .device_close = device_close,
                                    .supports = supports,
                                    .constant_create = constant_create,
                                    .constant_destroy = constant_destroy,
                                    .plan_create = plan_create,
                                    .plan_run = plan_run,
                                    .plan_destroy = plan_destroy,
                                    .plan_timing = plan_timing};

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    return abi_min <= PLN_ABI_VERSION && PLN_ABI_VERSION <= abi_max ? &backend : NULL;
}
