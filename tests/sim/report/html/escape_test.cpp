// Can a string of a user break out of the element or attribute that it stands in?

#include "sim/report/html/escape.hpp"

#include <gtest/gtest.h>

#include "models/text/json.hpp"
#include "models/text/load.hpp"

namespace moeplan::sim {
namespace {

TEST(Escape, HtmlKeepsTextAndEndsNothing) {
  EXPECT_EQ(escape_html("a < b & \"c\" > 'd'"), "a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;");
  EXPECT_EQ(escape_html("Qwen3: 64 of 128, 4.5 %"), "Qwen3: 64 of 128, 4.5 %");
  EXPECT_EQ(escape_html("caf\xC3\xA9"), "caf\xC3\xA9") << "UTF-8 stays";
}

TEST(Escape, HtmlReplacesControlCharacters) {
  EXPECT_EQ(escape_html(std::string("a\0b\x1B[31m\x7F", 9)), "a&#xFFFD;b&#xFFFD;[31m&#xFFFD;");
  EXPECT_EQ(escape_html("a\n\tb"), "a\n\tb");
}

TEST(Escape, ScriptJsonHasNoAngleBracketAndReadsBackTheSame) {
  const std::string hostile = "</script><!--<script>&amp;";
  const std::string json = text::Json::object().set("name", hostile).line();
  const std::string escaped = escape_script_json(json);
  EXPECT_EQ(escaped.find_first_of("<>&"), std::string::npos) << escaped;
  EXPECT_EQ(text::parse_json(escaped, "page").root.find("name")->scalar, hostile);
}

}  // namespace
}  // namespace moeplan::sim
