#pragma once
// What is under way at the directory in several steps, or was left half done there: written down
// before the first step, and gone after the last, so that no crash leaves a half-made person behind
// unseen.
#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "platform/pg/pool.hpp"

namespace pulse::identity {

/// How long whoever began something is left alone with it.
inline constexpr long repair_hold_s = 300;

struct Repair {
  Repair() = default;
  Repair(std::string kind_, std::string subject_, boost::json::object aim_)
      : kind(std::move(kind_)), subject(std::move(subject_)), aim(std::move(aim_)) {}
  std::string kind;         ///< "creation", "roles" or "organizations"
  std::string subject;      ///< whom it is about; one at a time of each kind
  boost::json::object aim;  ///< what to bring about when it stays undone
  std::string holder;
  std::int64_t attempts = 0;
};
BOOST_DESCRIBE_STRUCT(Repair, (), (kind, subject, aim, holder, attempts))

/// Puts it down and holds it. When something was left half done there before, its aim is kept: that
/// is the state to go back to. Throws HttpError 503 while another holds it.
Task<Repair> begin_repair(pg::Pool& pool, Repair repair);
/// It is whole, or undone.
Task<> end_repair(pg::Pool& pool, Repair repair);
/// It stays half done; tried again after a while: 15 s, then twice as long each time, an hour at
/// most.
Task<> postpone_repair(pg::Pool& pool, Repair repair, std::string error);
/// Takes one that is due, if there is one.
Task<std::optional<Repair>> due_repair(pg::Pool& pool);

}  // namespace pulse::identity
