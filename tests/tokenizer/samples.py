# SPDX-License-Identifier: Apache-2.0
"""Texts by hand, one for each rule of the tokenizers."""
TEXTS = [
    "", " ", "\n\t ", "a", "The king said unto the prophet, Where is thy brother?",
    "And the LORD said [MASK] Moses.", "hello[MASK]world", "[mask] [Mask] [MASK", "[MASK][MASK] [CLS][SEP][PAD][UNK]",
    "[[MASK]]", "[MAS[MASK]K]", "##ing ##", "don't do n't it's we've", "a.b,c;d", "$100 + 5% = <x> ^`|~",
    "Crème brûlée, naïve café — «déjà vu»…", "CREME BRÛLÉE ÀÉÎÕÜ", "Cafe\u0301 e\u0301\u0323 \u0301x",
    "ÅngströmÅ Øre Łódź ßẞ ŒœÆæ", "İstanbul ıIİi", "Σίσυφος ΟΔΟΣ ὈΔΥΣΣΕΎΣ ᾼᾳ", "Привет, МИР! Ёлка йод",
    "한국어를 처리하는 예시입니다.", "대한민국 각 갂 힣", "\u1112\u1161\u11ab\u1100\u116e\u11a8", "ㄱㄴㅏ ｶﾞ",
    "中文测试，你好。", "中文abc测试123", "日本語のテキスト、カタカナ。がぎぐ パピプ", "漢字かな交じり文",
    "豈更\uf900\uf901\ufa0e\U0002f800\U0002fa1d", "\u3400\u4dbf\u4dc0\u4e00\u9fff\ua000",
    "a\U00020000b\U0002a6dfc\U0002a6e0d", "x\U0002b81fx\U0002b820x\U0002b830x\U0002b920x\U0002ceafx\U0002ceb0x",
    "مرحبا بالعالم، كيف الحال؟", "مُحَمَّد", "שָׁלוֹם עולם", "हिन्दी में पाठ। ক্ষৌ", "ภาษาไทย ก็ ๆ", "தமிழ் கொ கோ கௌ",
    "😀 smile 😀😀", "👨‍👩‍👧‍👦 family", "👍🏽 ok", "🇰🇷 🏳️‍🌈", "a\u200db a\u200bb a\u00adb a\ufeffb", "\ufeffstart",
    "a\u0000b", "a\u000bb a\u000cb a\u0085b", "a\u0009b\u000ac\u000dd", "a\u00a0b\u1680c\u2003d\u2028e\u202ff\u3000g",
    "a\u0378b", "a\u0001\u0002b\u007fc\u009fd", "\ufffd \ufffda", "\ue000x\uf8ff", "\U000f0000x\U0010fffd", "x\u061cy",
    "a" * 100, "a" * 101, "é" * 100, "é" * 101, "각" * 34, "각" * 33, "a" * 99 + "\u0301" * 5, "中" * 120, "ab" * 51 + " c",
    "\U0001d15e\U0001d160 \U0001d157\U0001d16d\U0001d165", "\u302e\u302fa", "a\u1dfb\U00011446\u1b44 b", "ǅ ǆ ǄŉŸ", "ﬁ ﬂ ﬃ", "½ ² ³ ①", "Ⅷ ⅷ ⓐ Ⓐ",
    "𝐀𝐁 𝒜 𐐀𐐨 𞤀𞤢", "Ａｂｃ！？", "\u0340\u0341\u0344", "q\u0307\u0323 q\u0323\u0307", "ÿ Ÿ ÿ̈", "Ꭰ ꭰ Ა ა",
    "„Zitat“ ‚x‘ ‹y› “z”", "1.000,50 € £5 ¥7 ₩9", "a_b-c/d\\e", "http://example.com/?q=1&r=2#s", "x@y.z", "C++ C# .NET",
    "\u2e2f\u2e43\u2e52 \u0df4 \u1c7e \U00011c41 \U0001f3fb", "A\u0300\u0301\u0302B", "e\u0000\u0301", " \u0301 ", "\u0301",
    "[MASK]\u0301 \u0301[MASK]", "é[MASK]é", "한[MASK]글", "中[SEP]文", "multi\nline\ntext\r\n", "trailing   ", "   leading",
]
