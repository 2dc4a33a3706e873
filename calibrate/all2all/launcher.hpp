#pragma once
// The command that starts ranks ("mpirun -n 4"), as arguments. No shell reads it.

#include <string>
#include <vector>

namespace moeplan::calibrate {

// Blanks separate arguments. '...' is taken as it is; "..." and text outside quotes know the
// escapes
// \" and \\ (outside also backslash blank and \'). Nothing is expanded, no file is redirected.
// Throws: InputError E_SYNTAX for an open quote or a backslash at the end; E_VALUE for no argument
// at all, and for unquoted characters that a shell would act on ( | & ; < > $ ` ( ) ), because what
// they stand for would not happen.
std::vector<std::string> launcher_arguments(const std::string& text);

}  // namespace moeplan::calibrate
