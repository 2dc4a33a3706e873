#pragma once
// What is wrong with an input, said so that a user can mend it: file:line:column, key path, what
// was expected, the valid values. Readers collect all problems of a file and throw once.

#include <stdexcept>
#include <string>
#include <vector>

namespace moeplan {

// Where a piece of input text begins; 1-based; 0 = the whole file.
struct Mark {
  int line = 0;
  int column = 0;
};

struct Problem {
  std::string code;      // E_IO E_ENCODING E_SYNTAX E_LIMIT E_DUPLICATE E_UNKNOWN_KEY E_MISSING
                         // E_TYPE E_RANGE E_UNIT E_VALUE E_OVERFLOW E_SCHEMA E_INFEASIBLE
  std::string file;      // as the user named it
  Mark mark;             //
  std::string pointer;   // JSON pointer of the key ("/hardware/gpu"), may be empty
  std::string what;      // what is wrong
  std::string got;       // may be empty
  std::string expected;  // expected type, range or the valid values; may be empty
  std::string fix;       // "did you mean 'x'?" or another hint; may be empty

  // error[CODE] file:line:column (/pointer): what, got ..., expected ...; fix
  std::string text() const;
};

// Thrown for every input that is wrong; main prints up to 20 problems and exits with 3.
class InputError : public std::runtime_error {
 public:
  explicit InputError(std::vector<Problem> problems);
  explicit InputError(Problem problem);
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

// The candidate nearest to the name (edit distance at most a third of its length), or "".
std::string nearest(const std::string& name, const std::vector<std::string>& candidates);

// "did you mean 'x'?" or "". Names that go on where `name` ends come before near ones: h100 gives
// "did you mean 'h100-pcie' or 'h100-sxm'?".
std::string did_you_mean(const std::string& name, const std::vector<std::string>& candidates);

// "a, b, c".
std::string joined(const std::vector<std::string>& names);

}  // namespace moeplan
