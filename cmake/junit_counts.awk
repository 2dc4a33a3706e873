# Reads a JUnit file of ctest --output-junit. Prints one line "skipped NAME: REASON" per skipped
# test, one line "failed NAME" per failed one, and last "N passed, N failed, N skipped".
# A test that could not be started counts as failed, and so does one that failed before it skipped.

function attribute(line, name,    rest) {
  if (!match(line, " " name "=\"")) return ""
  rest = substr(line, RSTART + RLENGTH)
  return substr(rest, 1, index(rest, "\"") - 1)
}

function plain(text) {
  gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text)
  gsub(/&apos;/, "'", text); gsub(/&amp;/, "\\&", text)
  return text
}

/^\t<testcase / {
  name = plain(attribute($0, "name")); status = attribute($0, "status")
  message = ""; reason = ""; in_reason = 0; has_failure = 0
  next
}
/^\t\t<skipped message=/ { message = attribute($0, "message"); next }
# GoogleTest writes "FILE:LINE: Skipped", then the reason, then "[  SKIPPED ] NAME".
/: Skipped$/ && status == "notrun" && reason == "" { in_reason = 1; next }
/^\[  SKIPPED \]/ { in_reason = 0 }
/^\[  FAILED  \]/ { has_failure = 1; in_reason = 0 }
in_reason && $0 != "" { reason = reason (reason == "" ? "" : " ") $0 }

/<\/testcase>/ {
  if (status == "run") {
    passed++
  } else if (status == "disabled") {
    skipped++; print "skipped " name ": disabled"
  } else if (status == "notrun" && message ~ /^SKIP_/ && !has_failure) {
    skipped++; print "skipped " name ": " (reason == "" ? "no reason given" : plain(reason))
  } else {
    failed++; print "failed " name (status == "notrun" && !has_failure ? ": " plain(message) : "")
  }
  status = ""
}

END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }
