/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of every format, as they should be and as they are.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "tests/records/shown.h"

static void lines_of_text(void **state)
{
    (void)state;
    GIVES("a.txt", "one\ntwo\n", "1 text=[one]\n2 text=[two]\n.");
    GIVES("a.txt", "", ".");
    GIVES("a.txt", "one\r\n\n \nlast", "1 text=[one]\n2 text=[]\n3 text=[ ]\n4 text=[last]\n.");
    GIVES("a.txt", "\xef\xbb\xbfmark\n\xef\xbb\xbfno mark\n", "1 text=[mark]\n2 text=[\\xef\\xbb\\xbfno mark]\n.");
    GIVES("a.txt", "\xff\x80 \0.\n", "1 text=[\\xff\\x80 \\x00.]\n.");
    GIVES("a.txt", "\xff\xfeo\0n\0", "!! a.txt: UTF-16; only UTF-8 is read");
    GIVES("a.txt", "a\rb\r\r\n", "1 text=[a\\x0db\\x0d]\n.");
}

static void json_lines(void **state)
{
    (void)state;
    GIVES("a.jsonl", "{\"text\": \"one\"}\n\n  \n{\"text\":\"two\",\"n\":3}", "1 text=[one]\n4 text=[two] n=[3]\n.");
    GIVES("a.jsonl",
          "{\"a\": 0.10, \"b\": -1E+2, \"c\": true, \"d\": false, \"e\": null, \"f\": "
          "123456789012345678901234567890}\r\n",
          "1 a=[0.10] b=[-1E+2] c=[true] d=[false] f=[123456789012345678901234567890]\n.");
    GIVES("a.jsonl", "{\"answers\": {\"text\": [\"x\", \"y\"], \"answer_start\": [1, 20], \"none\": []}, \"o\": {}}\n",
          "1 answers.text=2:[x][y] answers.answer_start=2:[1][20] answers.none=0:\n.");
    GIVES("a.jsonl", "{\"deep\": [[1, 2.50], {\"a\": \"\\n\"}], \"some\": [\"a\", null]}\n",
          "1 deep=[[[1, 2.50], {\"a\": \"\\n\"}]] some=[[\"a\", null]]\n.");
    GIVES("a.jsonl", "{\"x\": NaN, \"y\": [Infinity, -Infinity], \"z\": [[NaN]]}\n",
          "1 x=[NaN] y=2:[Infinity][-Infinity] z=[[[\"NaN\"]]]\n.");
    GIVES("a.jsonl", "{\"a\": \"\\ud83d\\ude00\\u0000\xff\xf0\x9f\x98\"}\n",
          "1 a=[\\xf0\\x9f\\x98\\x80\\x00\\xef\\xbf\\xbd\\xef\\xbf\\xbd]\n.");
    GIVES("a.jsonl", "{\"a\": 1, \"a\": 2}\n[1]\n\"x\"\n{\"a\": 01}\n{\"a\": 1} x\n{\"a\": 7}\n",
          "! a.jsonl:1: the JSON is broken: duplicate object key\n! a.jsonl:2: the row is no JSON object\n"
          "! a.jsonl:3: the row is no JSON object\n! a.jsonl:4: the JSON is broken: invalid token\n"
          "! a.jsonl:5: the JSON is broken: end of file expected\n6 a=[7]\n.");
    CELLS("a.jsonl", "{\"a\": 1.0, \"b\": \"x\", \"c\": null, \"d\": {\"e\": [1, \"y\"]}, \"f\": NaN, \"g\": true}\n",
          "1 a=json:1.0 b=x c=null d=json:{\"e\": [1, \"y\"]} f=NaN g=json:true\n.");
}

static void deep_json(void **state)
{
    (void)state;
    char text[3000] = "{\"a\": ";
    memset(text + 6, '[', 300);
    memset(text + 306, ']', 300);
    strcpy(text + 606, "}\n{\"a\": 1}\n");
    shows(write_file("a.jsonl", text, strlen(text)), "! a.jsonl:1: the JSON nests deeper than 256 levels\n2 a=[1]\n.");
}

static void commas(void **state)
{
    (void)state;
    GIVES("a.csv", "id,text\n1,one\n2,\"a, \"\"b\"\"\nc\"\n\n3,\n",
          "2 id=[1] text=[one]\n3 id=[2] text=[a, \"b\"\\x0ac]\n"
          "6 id=[3] text=[]\n.");
    GIVES("a.csv", "\xef\xbb\xbfid,text\r\n1,\"x\r\ny\"\r\n2, z \r\n",
          "2 id=[1] text=[x\\x0d\\x0ay]\n4 id=[2] text=[ z ]\n.");
    GIVES("a.csv", "a,b\n5\" disk,say \"hi\"\n\"c\"d,e\n\"f\",g",
          "2 a=[5\" disk] b=[say \"hi\"]\n"
          "! a.csv:3: letters stand behind the quote that closes a field\n"
          "4 a=[f] b=[g]\n.");
    GIVES("a.csv", "a,b\n1\n1,2,3\n1,2\n",
          "! a.csv:2: the row has 1 cells, the first row names 2\n"
          "! a.csv:3: the row has 3 cells, the first row names 2\n4 a=[1] b=[2]\n.");
    GIVES("a.csv", "a,b\n1,2\n3,\"4\n5,6\n", "2 a=[1] b=[2]\n! a.csv:3: the file ends within quotes\n.");
    GIVES("a.csv", "a,,b,\n1,2,3,4\n", "2 a=[1] b=[3]\n.");
    GIVES("a.csv", "a,b,a\n", "!! a.csv:1: two columns are called \"a\"");
    GIVES("a.csv", "", "!! a.csv:1: no row names the columns");
    GIVES("a.csv", "a\rb\r", "!! a.csv:1: the name of a column holds a zero byte or a CR");
    GIVES("a.csv", "text\n\"\"\n\n\xff\n", "2 text=[]\n4 text=[\\xff]\n.");
    GIVES("a.tsv", "a\tb,c\n1\t\"x\ty\"\n2\t[\"p\", \"q\"]\n",
          "2 a=[1] b,c=[x\\x09y]\n3 a=[2] b,c=[[\"p\", \"q\"]]\n.");
    CELLS("a.csv", "a,b\n1,x\n", "2 a=1 b=x\n.");
}

static void sentences(void **state)
{
    (void)state;
    GIVES("a.conll", "-DOCSTART- -X- O O\n\nEU NNP B-ORG\nrejects  VBZ\tO \n\n\n\nPeter NNP B-PER\n",
          "3 tokens=2:[EU][rejects] tags=2:[B-ORG][O]\n8 tokens=1:[Peter] tags=1:[B-PER]\n.");
    GIVES("a.conll", "one\r\ntwo\r\n\r\nthree", "1 tokens=2:[one][two]\n4 tokens=1:[three]\n.");
    GIVES("a.conll", "one O\ntwo\nthree O\n\nfour O\n",
          "! a.conll:2: this word has no tag, those before it have one\n5 tokens=1:[four] tags=1:[O]\n.");
    GIVES("a.conll", "\n\n", ".");
    CELLS("a.conll", "a\" B\nc O\n", "1 tokens=json:[\"a\\\"\", \"c\"] tags=json:[\"B\", \"O\"]\n.");
}

static void questions(void **state)
{
    (void)state;
    GIVES("a.json",
          "{\"version\": \"v2.0\", \"skip\": [{\"paragraphs\": \"]}\\\"\"}, 1.5], \"data\": [\n{\"title\": \"T\", "
          "\"paragraphs\": [\n"
          "{\"qas\": [{\"question\": \"Who?\", \"id\": \"1\", \"answers\": [{\"text\": \"me\", \"answer_start\": 3}, "
          "{\"text\": "
          "\"I\", \"answer_start\": 0}], \"is_impossible\": false},\n{\"question\": \"Why?\", \"id\": 2, \"answers\": "
          "[]}],"
          " \"context\": \"I, me.\"},\n{\"context\": \"c\", \"qas\": [{\"id\": \"3\", \"question\": \"q\"}]}]}, "
          "{\"paragraphs\": []}]}\n",
          "3 id=[1] question=[Who?] context=[I, me.] answers.text=2:[me][I] answers.answer_start=2:[3][0]\n"
          "3 id=[2] question=[Why?] context=[I, me.] answers.text=0: answers.answer_start=0:\n"
          "5 id=[3] question=[q] context=[c] answers.text=0: answers.answer_start=0:\n.");
    GIVES("a.json",
          "{\"data\": [{\"paragraphs\": [{\"context\": 1, \"qas\": []}, {\"qas\" 1}, {\"context\": \"c\", \"qas\": "
          "[{\"id\": 1}, "
          "{\"id\": 1, \"question\": \"q\", \"answers\": [{\"text\": \"x\"}]}]}]}]}",
          "! a.json:1: the paragraph lacks a text \"context\" or a list \"qas\"\n! a.json:1: the JSON is broken: ':' "
          "expected\n"
          "! a.json:1: question 1 of the paragraph has no \"question\"\n"
          "! a.json:1: question 2 of the paragraph: an answer has no \"answer_start\"\n.");
    GIVES("a.json",
          "{\"data\": [{\"paragraphs\": [\n{\"context\": \"c\", \"qas\": [{\"id\": \"3\", \"question\": \"q\"}]},{",
          "2 id=[3] question=[q] context=[c] answers.text=0: answers.answer_start=0:\n!! a.json:2: not SQuAD JSON: it "
          "ends too early");
    GIVES("a.json", "[]", "!! a.json:1: not SQuAD JSON: it does not begin with an object");
    GIVES("a.json", "{}", "!! a.json:1: not SQuAD JSON: it has no \"data\"");
    GIVES("a.json", "{\"data\": []} x", "!! a.json:1: not SQuAD JSON: something stands behind its end");
    GIVES("a.json", "{\"data\": {}}", "!! a.json:1: not SQuAD JSON: \"data\" is no list");
    GIVES("a.json", "", "!! a.json:1: not SQuAD JSON: it ends too early");
}

static void names(void **state)
{
    (void)state;
    const pln_option columns[] = {{"text", "sentence"}, {"label", "y"}, {"again", "sentence"}};
    const pln_reader_options options = {.size = sizeof options, .columns = columns, .n_columns = 3};
    const char *path = write_file("a.csv", "text,sentence,y\nold,s,1\n", 24);
    assert_string_equal(show(path, &options, false), "2 text=[s] label=[1] again=[s] sentence=[s] y=[1]\n.");
    assert_string_equal(show(path, &options, true), "2 text=old sentence=s y=1\n.");
    path = write_file("a.csv", "text,x\n", 7);
    assert_string_equal(show(path, &options, false), "!! a.csv: no column \"sentence\"; there are: text, x");
    path = write_file("a.jsonl", "{\"sentence\": \"s\"}\n{\"y\": {\"z\": 1}}\n", 34);
    assert_string_equal(show(path, &options, false), "1 text=[s] again=[s] sentence=[s]\n2 y.z=[1]\n.");
    const pln_option path_column[] = {{"answer", "y.z"}};
    const pln_reader_options with_path = {.size = sizeof options, .columns = path_column, .n_columns = 1};
    assert_string_equal(show(path, &with_path, false), "1 sentence=[s]\n2 answer=[1] y.z=[1]\n.");
    const pln_reader_options named = {.size = sizeof named, .format = "text"};
    assert_string_equal(show(path, &named, false), "1 text=[{\"sentence\": \"s\"}]\n2 text=[{\"y\": {\"z\": 1}}]\n.");
    const pln_option twice[] = {{"text", "a"}, {"text", "b"}};
    const pln_reader_options with_twice = {.size = sizeof options, .columns = twice, .n_columns = 2};
    assert_string_equal(show(path, &with_twice, false), "!! two columns are to be called \"text\"");
}

static void no_format(void **state)
{
    (void)state;
    const pln_reader_options named = {.size = sizeof named, .format = "xml"};
    shows(write_file("a.xml.gz", "x", 1),
          "!! a.xml.gz: its ending says no format; there are: text (.txt), jsonl (.jsonl), csv (.csv), "
          "tsv (.tsv), conll (.conll), squad (.json)");
    assert_non_null(strstr(show(path_of("a.xml.gz"), &named, false), "!! no format \"xml\" of rows; there are: text"));
    shows(path_of("none.txt"), "!! none.txt: cannot be opened: No such file or directory");
    assert_int_equal(mkdir(path_of("folder.txt"), 0777), 0);
    shows(path_of("folder.txt"), "!! folder.txt: cannot be read: Is a directory");
}

/* A row longer than one may be costs itself only, in memory that does not grow with it. */
static void long_rows(void **state)
{
    (void)state;
    static const char *const names[] = {"a.txt", "a.jsonl", "a.csv", "a.conll"};
    static const char *const said[] = {
        "! a.txt:2: the line has more than 67108864 bytes\n3 text=[z]\n.",
        "! a.jsonl:2: the line has more than 67108864 bytes\n! a.jsonl:3: the JSON is broken: invalid token\n.",
        "! a.csv:2: the row has more than 67108864 bytes\n3 x=[z]\n.",
        "! a.conll:2: the sentence is longer than a row may be\n."};
    for (size_t i = 0; i < 4; i++) {
        FILE *file = fopen(path_of(names[i]), "w");
        assert_non_null(file);
        fputs(i == 1 ? "\n" : "x\n", file);
        static char block[1 << 20];
        memset(block, 'y', sizeof block);
        for (int j = 0; j < 65; j++)
            fwrite(block, 1, sizeof block, file);
        fputs("\nz\n", file);
        assert_int_equal(fclose(file), 0);
        const char *shown = show(path_of(names[i]), NULL, false);
        assert_string_equal(i ? shown : strchr(shown, '\n') + 1, said[i]);
        unlink(path_of(names[i]));
    }
}

static void lists_in_texts(void **state)
{
    (void)state;
    pln_text *items;
    uint32_t n;
    pln_error error;
    const char list[] = "[\"a\", 1.50, true, \"\\u00e9\\n\"] and more";
    assert_int_equal(pln_text_list((pln_text){list, sizeof list - 10}, &items, &n, NULL), PLN_OK);
    assert_int_equal(n, 4);
    assert_string_equal(items[0].text, "a");
    assert_string_equal(items[1].text, "1.50");
    assert_string_equal(items[2].text, "true");
    assert_string_equal(items[3].text, "\xc3\xa9\n");
    pln_free(items);
    assert_int_equal(pln_text_list((pln_text){"[]", 2}, &items, &n, NULL), PLN_OK);
    assert_int_equal(n, 0);
    assert_non_null(items);
    pln_free(items);
    static const char *const wrong[] = {"a, b", "{\"a\": 1}", "[null]", "[[1]]", "1", "", "[\"a\""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(pln_text_list((pln_text){wrong[i], strlen(wrong[i])}, &items, &n, &error), PLN_INVALID);
        assert_null(items);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_text),  cmocka_unit_test(json_lines), cmocka_unit_test(deep_json),
        cmocka_unit_test(commas),         cmocka_unit_test(sentences),  cmocka_unit_test(questions),
        cmocka_unit_test(names),          cmocka_unit_test(no_format),  cmocka_unit_test(long_rows),
        cmocka_unit_test(lists_in_texts),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_folder();
    return failed;
}
