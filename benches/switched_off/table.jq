# The numbers of `run`: of one process, and of all.

def median:
  sort
  | if length % 2 == 1 then .[length / 2 | floor]
    else (.[length / 2 - 1] + .[length / 2]) / 2 end;

def digits: . * 1000 | round / 1000 | tostring;

# What one process printed with --json, as a line for each row.
def medians:
  .rows[]
  | {program: $ARGS.named.program, turn: $ARGS.named.turn, row: .name, ns: (.rounds.oasync | median)};

# All lines, as a Markdown table: for each part and row the median over the turns of the time
# with the part switched off by the time of the normal program in the same turn; in the last
# column the median of all its ratios. Below 1, the part costs something.
def table:
  ($ARGS.named.parts / " ") as $parts
  | ($ARGS.named.rows / " ") as $rows
  | (map({key: "\(.program) \(.turn) \(.row)", value: .ns}) | from_entries) as $ns
  | ([.[].turn] | unique) as $turns
  | def ratios($part; $row):
      $turns | map($ns["\($part) \(.) \($row)"] / $ns["normal \(.) \($row)"]);
    (["switched off"] + $rows + ["median"]),
    ([range($rows | length + 2) | "---:"] | .[0] = "---"),
    ($parts[] as $part
      | [$part]
        + [$rows[] as $row | ratios($part; $row) | median | digits]
        + [[$rows[] as $row | ratios($part; $row)[]] | median | digits])
  | "| \(join(" | ")) |";
