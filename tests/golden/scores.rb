# Scores as Canvas computes them, in Ruby's own doubles, Array#sum and Float#round: what our SQL and our reference must equal.
#
#   ruby scores.rb < cases      each line with its answer: `score` of `percents` (in time order) or `rows`, `mean` and `median` of `scores`
#   ruby scores.rb lists 4      digests of the scores of all lists of one to five whole scores on a scale of 4 points
#
# Rules: app/models/rollup_score.rb and app/helpers/rollup_score_aggregator_helper.rb of Canvas. Of results of one second, in which
# Ruby's sort promises nothing, the lower id comes first.
require "digest"
require "json"

MERGING = %w[latest average decaying_average weighted_average standard_decaying_average].freeze

def averaged(values)
  (values.sum.to_f / values.size).round(2)
end

# Values in the order in which the method takes them: average and n_mastery by id, the others by time.
def score(method, int, values, mastery)
  case method
  when "highest" then values.max.round(2)
  when "latest" then values.last.round(2)
  when "average" then averaged(values)
  when "n_mastery"
    kept = values.reject { |value| value < mastery }
    kept.size < int ? nil : averaged(kept)
  when "decaying_average", "weighted_average"
    *older, newest = values
    return newest.round(2) if older.empty?

    (newest * (0.01 * int) + (older.sum / older.size) * (0.01 * (100 - int))).round(2)
  when "standard_decaying_average"
    values.reduce { |so_far, value| so_far * (0.01 * (100 - int)) + value * (0.01 * int) }.round(2)
  end
end

# One plain loop over the banks, by id.
def merged(rows, quiz, unit)
  total = weighted = 0.0
  rows.each do |row|
    next unless row["quiz"] == quiz && row["possible"]

    total += row["possible"]
    weighted += row["possible"] * row["percent"]
  end
  (weighted / total) * unit
end

def values_of(rows, method, unit)
  rows = rows.sort_by { |row| row["id"] }
  valued = rows.map do |row|
    value = if row["quiz"] && MERGING.include?(method) then merged(rows, row["quiz"], unit)
            elsif row["percent"] then row["percent"] * unit
            else row["score"]
            end
    [row["at"] || -1, row["id"], value] # without a time: the oldest
  end
  valued.sort_by! { |at, id, _| [at, id] } unless %w[average n_mastery].include?(method)
  valued.map(&:last)
end

def answer(line)
  if line["scores"]
    sorted = line["scores"].sort
    median = (sorted[(sorted.size - 1) / 2] + sorted[sorted.size / 2]) / 2.0
    return { "mean" => averaged(line["scores"]), "median" => median }
  end
  method, points, mastery = line.values_at("method", "points_possible", "mastery_points")
  unit = points.positive? ? points : mastery
  rows = line["rows"] || line["percents"].map.with_index { |percent, at| { "id" => at, "at" => at, "percent" => percent } }
  { "score" => score(method, line["int"] || 65, values_of(rows, method, unit), mastery) }
end

RULES = [["highest", nil], ["latest", nil], ["average", nil], *(1..5).map { |int| ["n_mastery", int] },
         *[1, 35, 50, 65, 75, 80, 95, 99].map { |int| ["decaying_average", int] }, ["weighted_average", 65],
         *[50, 65, 70, 75, 80, 95, 99].map { |int| ["standard_decaying_average", int] }].freeze
MASTERY = { 4 => 3, 5 => 3, 10 => 7 }.freeze

# Cents, or - without a score: of shorter lists first, and of each length in the order of the lists.
def digests(scale)
  lists = (1..5).flat_map { |size| (0..scale).map { |one| one / scale.to_f * scale.to_f }.repeated_permutation(size).to_a }
  RULES.to_h do |method, int|
    cents = lists.map { |list| (found = score(method, int, list, MASTERY[scale])) ? (found * 100).round : "-" }
    [[method, *int].join(" "), Digest::SHA256.hexdigest(cents.join(","))]
  end
end

if ARGV.first == "lists"
  puts JSON.generate(digests(Integer(ARGV[1])))
else
  $stdin.each_line { |line| puts JSON.generate((read = JSON.parse(line)).merge(answer(read))) }
end
