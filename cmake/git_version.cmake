# Writes OUT, which defines moeplan::calibrate::git_version(), when the revision changed.
set(revision "unknown")
if(GIT)
  execute_process(COMMAND ${GIT} -C ${ROOT} describe --always --dirty --abbrev=12 --exclude=*
    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(revision "${found}")
  endif()
endif()
set(text "#include \"calibrate/measurement/fingerprint.hpp\"
namespace moeplan::calibrate {
std::string git_version() { return \"${revision}\"; }
}  // namespace moeplan::calibrate
")
set(old "")
if(EXISTS ${OUT})
  file(READ ${OUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()
