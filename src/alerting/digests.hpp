#pragma once
// The digest of a tenant's alerts by email, daily or weekly at 8:00 of its zone.
#include <memory>
#include <string>

#include "platform/mail/mailer.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::alerting {

/// Sends the digests that are due; returns how many. Each tells what happened from where the one
/// before it ended until it was due, whenever it is sent. It is sent first and marked then, so that
/// a crash in between sends the same again and loses none; one that can't be sent is tried again in
/// the next round. Throws pg::Error.
Task<int> send_due_digests(pg::Pool& pool, std::shared_ptr<mail::Mailer> mailer,
                           std::string ui_base);

}  // namespace pulse::alerting
