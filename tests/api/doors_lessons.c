/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of lessons: of the generator, whose rows are their own labels, and lists of labels.
 */
#include "tests/api/doors.h"

static const pln_field fields[] = {{.name = "text", .text = {"the king", 8}}, {.name = "label", .text = {"good", 4}}};
static const pln_record some_row = {fields, 2}, no_row = {NULL, 0};

static pln_lessons *make_lessons(void)
{
    pln_lessons *lessons;
    must(pln_lessons_create(w.generator, "fill-mask", NULL, 0, NULL, &lessons, fresh()), &w.error);
    must(pln_lessons_add(lessons, &some_row, fresh()), &w.error);
    return lessons;
}

static pln_label_list *make_list(void)
{
    pln_label_list *list;
    must(pln_label_list_create("classify", NULL, &list, fresh()), &w.error);
    return list;
}

static void knock_pln_label_list_create(void)
{
    pln_label_list *list;
    refused(pln_label_list_create(NULL, NULL, &list, fresh()), "task is NULL");
    refused(pln_label_list_create("classify", NULL, NULL, fresh()), "list is NULL");
    refused(pln_label_list_create("sing", NULL, &list, fresh()), "there is no task \"sing\"");
    refused(pln_label_list_create("embed", NULL, &list, fresh()), "learns nothing");
    refused(pln_label_list_create("classify", "guess", &list, fresh()), "is none of");
    refused(pln_label_list_create("tag", "regression", &list, fresh()), "has no problem type");
    refused(pln_label_list_create("rank", "regression", &list, fresh()), "one problem type");
    assert_null(list);
}

static void knock_pln_label_list_destroy(void)
{
    pln_label_list *none = NULL;
    pln_label_list_destroy(NULL);
    pln_label_list_destroy(&none);
}

static void knock_pln_label_list_add(void)
{
    const pln_field nameless = {.text = {"x", 1}}, empty = {.name = "label", .text = {"", 0}};
    const pln_record faulty = {&nameless, 1}, unlabelled = {&empty, 1};
    pln_label_list *list = make_list();
    refused(pln_label_list_add(NULL, &some_row, fresh()), "list is NULL");
    refused(pln_label_list_add(list, NULL, fresh()), "row is NULL");
    refused(pln_label_list_add(list, &faulty, fresh()), "has no name");
    refused(pln_label_list_add(list, &no_row, fresh()), "no column `label`");
    must(pln_label_list_add(list, &unlabelled, fresh()), &w.error);
    pln_label_list_destroy(&list);
}

static void knock_pln_label_list_result(void)
{
    const char *const *labels;
    const char *type;
    uint32_t n;
    pln_label_list *list = make_list();
    refused(pln_label_list_result(NULL, &labels, &n, &type, fresh()), "list is NULL");
    refused(pln_label_list_result(list, NULL, &n, &type, fresh()), "labels is NULL");
    refused(pln_label_list_result(list, &labels, NULL, &type, fresh()), "n_labels is NULL");
    refused(pln_label_list_result(list, &labels, &n, NULL, fresh()), "problem_type is NULL");
    must(pln_label_list_add(list, &some_row, fresh()), &w.error);
    must(pln_label_list_result(list, &labels, &n, &type, fresh()), &w.error);
    assert_int_equal(n, 1);
    assert_string_equal(labels[0], "good");
    assert_string_equal(type, "single_label_classification");
    pln_label_list_destroy(&list);
}

static void knock_pln_lessons_create(void)
{
    const pln_option wrong = {"no-such", "1"};
    const pln_lessons_options no_size = {0}, strided = {.size = sizeof strided, .stride = 3};
    const pln_lessons_options wide = {.size = sizeof wide, .stride = UINT64_MAX};
    pln_lessons *l;
    refused(pln_lessons_create(NULL, "fill-mask", NULL, 0, NULL, &l, fresh()), "model is NULL");
    refused(pln_lessons_create(w.generator, NULL, NULL, 0, NULL, &l, fresh()), "task is NULL");
    refused(pln_lessons_create(w.generator, "fill-mask", NULL, 0, NULL, NULL, fresh()), "created is NULL");
    refused(pln_lessons_create(w.generator, "fill-mask", NULL, 1, NULL, &l, fresh()), "options is NULL");
    refused(pln_lessons_create(w.generator, "fill-mask", &wrong, 1, NULL, &l, fresh()), "no-such");
    refused(pln_lessons_create(w.generator, "sing", NULL, 0, NULL, &l, fresh()), "there is no task");
    refused(pln_lessons_create(w.generator, "embed", NULL, 0, NULL, &l, fresh()), "learns nothing");
    refused(pln_lessons_create(w.generator, "fill-mask", NULL, 0, &no_size, &l, fresh()), "pln_lessons_options");
    refused(pln_lessons_create(w.generator, "fill-mask", NULL, 0, &wide, &l, fresh()), "stride");
    refused(pln_lessons_create(w.generator, "choose", NULL, 0, &strided, &l, fresh()), "stride");
    assert_null(l);
}

static void knock_pln_lessons_destroy(void)
{
    pln_lessons *none = NULL;
    pln_lessons_destroy(NULL);
    pln_lessons_destroy(&none);
}

static void knock_pln_lessons_head(void)
{
    pln_lessons *l = make_lessons();
    assert_int_equal(pln_lessons_head(NULL), PLN_HEAD_DEFAULT);
    assert_int_equal(pln_lessons_head(l), PLN_HEAD_MASKED_LM);
    pln_lessons_destroy(&l);
}

static void knock_pln_lessons_add(void)
{
    pln_lessons *l = make_lessons();
    refused(pln_lessons_add(NULL, &some_row, fresh()), "lessons is NULL");
    refused(pln_lessons_add(l, NULL, fresh()), "row is NULL");
    refused(pln_lessons_add(l, &no_row, fresh()), "no column `text`");
    pln_lessons_destroy(&l);
}

static void knock_pln_lessons_count(void)
{
    pln_lessons *l = make_lessons();
    assert_int_equal(pln_lessons_count(NULL), 0);
    assert_int_equal(pln_lessons_count(l), 1);
    pln_lessons_destroy(&l);
}

static void knock_pln_lessons_fit(void)
{
    uint32_t n;
    pln_lessons *l = make_lessons();
    refused(pln_lessons_fit(NULL, 0, 0, 1, &n, fresh()), "lessons is NULL");
    refused(pln_lessons_fit(l, 0, 0, 1, NULL, fresh()), "n is NULL");
    refused(pln_lessons_fit(l, 0, 1, 1, &n, fresh()), "there are 1");
    must(pln_lessons_fit(l, UINT64_MAX, 0, 0, &n, fresh()), &w.error);
    assert_int_equal(n, 1);
    pln_lessons_destroy(&l);
}

static void knock_pln_lessons_batch(void)
{
    const pln_tensor *tensors;
    uint32_t n;
    pln_lessons *l = make_lessons();
    refused(pln_lessons_batch(NULL, 0, 0, 1, &tensors, &n, fresh()), "lessons is NULL");
    refused(pln_lessons_batch(l, 0, 0, 1, NULL, &n, fresh()), "tensors is NULL");
    refused(pln_lessons_batch(l, 0, 0, 1, &tensors, NULL, fresh()), "n_tensors is NULL");
    refused(pln_lessons_batch(l, 0, 0, 0, &tensors, &n, fresh()), "there are 1");
    refused(pln_lessons_batch(l, 0, 1, 1, &tensors, &n, fresh()), "there are 1");
    refused(pln_lessons_batch(l, 0, 0, UINT32_MAX, &tensors, &n, fresh()), "there are 1");
    must(pln_lessons_batch(l, UINT64_MAX, 0, 1, &tensors, &n, fresh()), &w.error);
    assert_int_equal(n, 4);
    assert_string_equal(tensors[3].name, "labels");
    pln_lessons_destroy(&l);
}

const struct door lesson_doors[] = {
    DOOR(pln_label_list_create), DOOR(pln_label_list_destroy), DOOR(pln_label_list_add), DOOR(pln_label_list_result),
    DOOR(pln_lessons_create),    DOOR(pln_lessons_destroy),    DOOR(pln_lessons_head),   DOOR(pln_lessons_add),
    DOOR(pln_lessons_count),     DOOR(pln_lessons_fit),        DOOR(pln_lessons_batch),  {NULL, NULL}};
