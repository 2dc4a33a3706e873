# awk -f unity_groups.awk FILE...: which files may be compiled as one: prints "GROUP FILE" for each. Two
# files that define the same name in an unnamed namespace, or the same test, get different groups; a
# group has at most `most` files (-v most=N). First fit in the order given. Names are read from lines
# that begin in column 0, as clang-format leaves them.
function note(name) {
  if (name != "" && name != "static_assert" && !((FILENAME, name) in has)) {
    has[FILENAME, name] = 1
    names[FILENAME] = names[FILENAME] " " name
  }
}
FNR == 1 { files[++count] = FILENAME; unnamed = 0 }
/^namespace \{/ { unnamed = 1; next }
/^}  \/\/ namespace$/ { unnamed = 0; next }
/^(TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_SUITE|INSTANTIATE_TEST_SUITE_P|MATCHER|MATCHER_P|MATCHER_P2)\(/ {
  line = $0
  sub(/^[A-Z_0-9]*\(/, "", line)
  if ($0 ~ /^MATCHER/) { sub(/[,)].*/, "", line) } else { gsub(/[^A-Za-z0-9_]+/, ".", line) }
  note(line)
  next
}
!unnamed || /^[ }\/#]/ || /^$/ { next }
/^(struct|class|union|using|enum) / {
  line = $0
  sub(/^(enum class|enum|struct|class|union|using) +/, "", line)
  sub(/[^A-Za-z0-9_].*/, "", line)
  note(line)
  next
}
match($0, /[A-Za-z_][A-Za-z0-9_]* *[({=;[]/) {
  line = substr($0, RSTART, RLENGTH)
  sub(/ *.$/, "", line)
  note(line)
}
END {
  for (i = 1; i <= count; ++i) {
    file = files[i]
    n = split(names[file], own, " ")
    for (g = 1; g <= groups; ++g) {
      fits = size[g] < most
      for (j = 1; j <= n && fits; ++j) { fits = !((g, own[j]) in taken) }
      if (fits) { break }
    }
    if (g > groups) { groups = g }
    ++size[g]
    for (j = 1; j <= n; ++j) { taken[g, own[j]] = 1 }
    print g, file
  }
}
