/* SPDX-License-Identifier: Apache-2.0
 *
 * A sentence through the library in C++11, options set without the macros of C: detect MODEL
 */
#include <pleione_model.h>

#include <algorithm>
#include <cstdio>
#include <string>

int main(int argc, char **argv)
{
    const std::string text = "This program reads a text prophet and prints the number of lines.";
    pln_error error = pln_error();
    pln_runtime *runtime = nullptr;
    pln_devices *devices = nullptr;
    pln_model *model = nullptr;
    pln_session *session = nullptr;
    pln_word *words = nullptr;
    uint32_t n = 0;
    pln_runtime_options options = pln_runtime_options();
    options.size = sizeof options;
    options.threads = 1;
    if (argc != 2 || pln_runtime_create(&options, &runtime, &error) != PLN_OK ||
        pln_devices_open(runtime, "reference", nullptr, 0, &devices, &error) != PLN_OK ||
        pln_model_open(runtime, argv[1], nullptr, &model, &error) != PLN_OK ||
        pln_session_create(model, devices, nullptr, &session, &error) != PLN_OK ||
        pln_detect(session, text.c_str(), &words, &n, &error) != PLN_OK) {
        std::fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    const pln_word *worst = std::max_element(
        words, words + n, [](const pln_word &a, const pln_word &b) { return a.probability < b.probability; });
    std::printf("%s %.2f\n", text.substr(worst->begin, worst->end - worst->begin).c_str(), worst->probability);
    pln_free(words);
    pln_session_destroy(&session);
    pln_model_close(&model);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return 0;
}
