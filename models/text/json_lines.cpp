#include "models/text/json_lines.hpp"

#include "models/text/load.hpp"

namespace moeplan::text {

bool JsonLines::next() {
  if (!first_ && !lines_->next()) {
    return false;
  }
  first_ = false;
  if (lines_->line().empty() && lines_->only_empty_lines_follow()) {
    return false;
  }
  std::vector<Problem> problems;
  try {
    document_ = parse_json(std::string(lines_->line()), file());
    if (document_.root.kind == Kind::map) {
      return true;
    }
    problems.push_back({.code = "E_TYPE",
                        .file = file(),
                        .mark = {1, 1},
                        .what = "each line is an object",
                        .got = kind_name(document_.root.kind),
                        .expected = "{...}"});
  } catch (const InputError& error) {
    problems = error.problems();
  }
  for (Problem& problem : problems) {
    problem.mark.line = line();  // the parser saw one line
  }
  throw InputError(std::move(problems));
}

}  // namespace moeplan::text
