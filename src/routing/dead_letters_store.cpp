#include "routing/dead_letters.hpp"
#include "routing/fit_text.hpp"

namespace pulse::routing {

Task<DeadLetterPage> dead_letters(tenancy::TenantDb db, DeadLetterQuery query) {
  pg::Clauses where(" AND ");
  if (query.status) where.add("d.status = ?", *query.status);
  if (query.route_id) where.add("d.route_id = ?", *query.route_id);
  if (query.device_id) where.add("d.device_id = ?", *query.device_id);
  if (query.destination_type) where.add("d.destination_type = ?", *query.destination_type);
  if (query.search)
    where.add("(strpos(d.original_topic, ?) > 0 OR strpos(lower(d.error_message), lower(?)) > 0)",
              *query.search, *query.search);
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back("SELECT count(*) FROM dead_letter_messages d" + where.where(),
                          where.params());
  auto page = where;
  const auto limit = page.parameter(query.limit), offset = page.parameter(query.offset);
  statements.emplace_back(
      "SELECT d.*, r.name AS route_name FROM dead_letter_messages d LEFT JOIN message_routes r "
      "ON r.id = d.route_id" +
          where.where() + " ORDER BY d.created_at DESC, d.id DESC LIMIT " + limit + " OFFSET " +
          offset,
      page.params());
  const auto results = co_await db.batch(std::move(statements));
  DeadLetterPage out;
  out.total = results[0].int64(0, 0);
  out.messages = pg::rows_as<DeadLetterMessage>(results[1]);
  co_return out;
}

Task<std::vector<DeadLetterReason>> dead_letter_reasons(tenancy::TenantDb db) {
  const auto rows = co_await db.query(R"sql(
    SELECT d.route_id, r.name AS route_name, d.destination_type,
           coalesce(d.error_message, '') AS error_message, count(*) AS count,
           min(d.created_at) AS first_at, max(d.created_at) AS last_at
    FROM dead_letter_messages d LEFT JOIN message_routes r ON r.id = d.route_id
    WHERE d.status = 'FAILED'
    GROUP BY d.route_id, r.name, d.destination_type, coalesce(d.error_message, '')
    ORDER BY count(*) DESC, max(d.created_at) DESC LIMIT 100
  )sql");
  co_return pg::rows_as<DeadLetterReason>(rows);
}

Task<std::map<std::int64_t, LetterState>> states_of_letters(tenancy::TenantDb db,
                                                            std::vector<std::int64_t> ids) {
  const auto rows = co_await db.query(
      "SELECT id, coalesce(route_id, 0), status FROM dead_letter_messages WHERE id = ANY ($1)",
      pg::Params::of(ids));
  std::map<std::int64_t, LetterState> out;
  for (int i = 0; i < rows.rows(); ++i) {
    auto& state = out[rows.int64(i, 0)];
    state.route_id = rows.int64(i, 1);
    state.status = rows.text(i, 2);
  }
  co_return out;
}

Task<ClaimedLetter> claim_letter(tenancy::TenantDb db, std::int64_t id) {
  ClaimedLetter out;
  // Longer than any send takes; whoever dies with it leaves it to the next.
  const auto claimed = co_await db.query(R"sql(
    UPDATE dead_letter_messages SET claimed_until = now() + interval '2 minutes'
    WHERE id = $1 AND status = 'FAILED' AND (claimed_until IS NULL OR claimed_until < now())
    RETURNING id, route_id, message_id, coalesce(source_device_id, device_id) AS device_id,
      original_topic, coalesce(payload_text, payload::text) AS payload, destination_type, hops,
      fanout_left, coalesce(received_at, created_at) AS received_at
  )sql",
                                         pg::Params::of(id));
  out.letter = pg::first_as<StoredLetter>(claimed);
  if (out.letter) co_return out;
  const auto known = co_await db.query(
      "SELECT CASE WHEN status = 'FAILED' THEN 'REPLAYING' ELSE status END "
      "FROM dead_letter_messages WHERE id = $1",
      pg::Params::of(id));
  if (!known.empty()) out.status = known.text(0, 0);
  co_return out;
}

Task<> mark_replayed(tenancy::TenantDb db, std::int64_t id) {
  co_await db.query(
      "UPDATE dead_letter_messages SET status = 'REPLAYED', replayed_at = now(), "
      "attempts = attempts + 1, claimed_until = NULL WHERE id = $1 AND status = 'FAILED'",
      pg::Params::of(id));
}

Task<> release_letter(tenancy::TenantDb db, std::int64_t id) {
  co_await db.query("UPDATE dead_letter_messages SET claimed_until = NULL WHERE id = $1",
                    pg::Params::of(id));
}

Task<> mark_failed(tenancy::TenantDb db, std::int64_t id, std::string error) {
  error = fit_text(error, most_error_bytes);
  co_await db.query(
      "UPDATE dead_letter_messages SET attempts = attempts + 1, error_message = $2, "
      "claimed_until = NULL WHERE id = $1 AND status = 'FAILED'",
      pg::Params::of(id, error));
}

Task<bool> discard_letter(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(
      "UPDATE dead_letter_messages SET status = 'DISCARDED' WHERE id = $1 AND status = 'FAILED' "
      "AND (claimed_until IS NULL OR claimed_until < now()) RETURNING id",
      pg::Params::of(id));
  co_return !rows.empty();
}

Task<std::int64_t> purge_letters(tenancy::TenantDb db, std::int64_t older_than_days) {
  const auto rows = co_await db.query(
      "DELETE FROM dead_letter_messages WHERE created_at < now() - make_interval(days => "
      "$1::integer)",
      pg::Params::of(older_than_days));
  co_return rows.affected();
}

}  // namespace pulse::routing
