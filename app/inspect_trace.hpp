#pragma once
// What `moeplan inspect trace FILE` prints: what we understood of recorded traffic. Prints nothing
// itself.

#include <string>

#include "models/text/json.hpp"
#include "sim/workload/request_trace.hpp"

namespace moeplan::app {

// format: table, markdown, csv (key,value rows), json or jsonl.
// Throws: std::logic_error for another format (the command line has checked it).
std::string inspect_trace(const sim::RequestTrace& trace, const std::string& format);

// Keys carry their unit; a figure that the trace does not have (times of lengths) is null.
text::Json inspect_trace_json(const sim::RequestTrace& trace);

}  // namespace moeplan::app
