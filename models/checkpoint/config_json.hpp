#pragma once
// A Hugging Face config.json rewritten: every key as it was, but for those that pruning changes.

#include <map>
#include <string>

#include "models/text/json.hpp"
#include "models/text/node.hpp"

namespace moeplan::models {

// The same tree, with the values of these keys (of the top level and of text_config, where they
// are) replaced; keys of `added` are appended at the top level.
text::Json rewritten_config(const text::Document& config,
                            const std::map<std::string, text::Json>& replaced,
                            const std::map<std::string, text::Json>& added);

}  // namespace moeplan::models
