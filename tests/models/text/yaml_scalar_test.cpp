// Which kind a plain YAML scalar is: the YAML 1.2.2 core schema (section 10.3.2) with decimal
// numbers only; what YAML 1.1 reads differently is ambiguous.

#include "models/text/yaml_scalar.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moeplan::text {
namespace {

TEST(PlainKind, Booleans) {
  for (const char* text : {"true", "True", "TRUE", "false", "False", "FALSE"}) {
    EXPECT_EQ(plain_kind(text), Kind::boolean) << text;
  }
  EXPECT_EQ(plain_kind("tRUE"), Kind::string);
}

TEST(PlainKind, DecimalNumbers) {
  for (const char* text : {"0", "-0", "+7", "42", "8.5", ".5", "5.", "-.5", "1e9", "1E-3",
                           "+1.5e+3", "0.0", "00.5", "1e999"}) {
    EXPECT_EQ(plain_kind(text), Kind::number) << text;
  }
}

TEST(PlainKind, AmbiguousScalars) {
  for (const char* text :
       {"yes",  "Yes",      "YES",  "no",    "No",    "NO",   "on",  "On",    "off",
        "OFF",  "0o12",     "0x1F", "0b11",  "012",   "-012", "08",  "1_000", "1_000.5",
        "1:30", "12:30:45", ".inf", "-.Inf", "+.INF", ".nan", ".NaN"}) {
    EXPECT_EQ(plain_kind(text), Kind::ambiguous) << text;
  }
}

TEST(PlainKind, Strings) {
  for (const char* text :
       {"y",        "n",          "Y",     "N",     "yess", "only", "7 us", "400 GB/s",     "80GiB",
        "h100-sxm", "2026-11-23", "1.2.3", "-",     "+",    ".",    "e5",   "1e",           "1e+",
        "--1",      "+-1",        "0x",    "0xG",   "0o8",  "_1",   "a_1",  "1_000 tokens", "a:b",
        "12:",      "inf",        "nan",   "1,000", "<<"}) {
    EXPECT_EQ(plain_kind(text), Kind::string) << text;
  }
}

TEST(AmbiguousHint, SaysHowToWriteIt) {
  EXPECT_EQ(ambiguous_hint("no"), "write false for the boolean or \"no\" for the text");
  EXPECT_EQ(ambiguous_hint("On"), "write true for the boolean or \"On\" for the text");
  EXPECT_EQ(ambiguous_hint(".inf"), "write a finite number");
  EXPECT_THAT(ambiguous_hint("0o12"), testing::HasSubstr("\"0o12\" for text"));
}

}  // namespace
}  // namespace moeplan::text
