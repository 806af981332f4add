// Email by the customer's own SMTP server, or to one address by the installation's.
#include "platform/email.hpp"

#include <algorithm>

#include "alerting/notifications/outbound.hpp"
#include "alerting/notifications/people.hpp"
#include "platform/errors.hpp"
#include "platform/mail/mime.hpp"
#include "platform/mail/smtp.hpp"

namespace pulse::alerting::notifications {

namespace {

constexpr std::size_t most_recipients = 50;

std::string user_of(const Config& smtp) { return text_in(smtp, "user", text_in(smtp, "username")); }

/// true and false, or the words of the installation's own settings.
std::string security_of(const Config& smtp, std::int64_t port) {
  const auto* tls = smtp.if_contains("tls");
  if (tls && tls->is_string()) return std::string(tls->get_string());
  if (tls && tls->is_bool() && !tls->get_bool()) return "none";
  return port == 465 ? "tls" : "starttls";
}

std::string from_of(const Config& config) {
  const auto& smtp = object_in(config, "smtp");
  return text_in(config, "from", text_in(smtp, "from", user_of(smtp)));
}

/// `to`, `cc` or `bcc`: a text or a list of texts, under `recipients` or beside it. A list of
/// recipients alone is `to`.
std::vector<std::string> addresses(const Config& config, std::string_view kind) {
  const auto* member = object_in(config, "recipients").if_contains(kind);
  if (!member) member = config.if_contains(kind);
  if (const auto* all = config.if_contains("recipients"); !member && kind == "to")
    if (all && (all->is_array() || all->is_string())) member = all;
  std::vector<std::string> out;
  if (member && member->is_string()) out.emplace_back(member->get_string());
  if (member && member->is_array())
    for (const auto& item : member->get_array())
      out.emplace_back(item.is_string() ? std::string(item.get_string()) : std::string());
  return out;
}

std::string fault(const SendDeps& deps, const Config& config) {
  const auto* member = config.if_contains("smtp");
  if (!member->is_object()) return "smtp must be an object";
  const auto& smtp = member->get_object();
  if (auto wrong = texts_fault(smtp, {"host", "user", "username", "password", "from"});
      !wrong.empty())
    return "smtp." + wrong;
  if (auto wrong = texts_fault(config, {"from", "subject_template"}); !wrong.empty()) return wrong;
  if (auto wrong = range_fault(smtp, "port", 1, 65'535); !wrong.empty()) return "smtp." + wrong;
  const auto port = number_in(smtp, "port", 587);
  const auto security = security_of(smtp, port);
  if (security != "none" && security != "starttls" && security != "tls")
    return "smtp.tls must be true, false, starttls, tls or none";
  if (security == "none" && !text_in(smtp, "password").empty() &&
      !listed_private(deps, text_in(smtp, "host"), port))
    return "smtp.password would be sent in clear: set smtp.tls to true, or leave the password out";
  if (!mail::read_mailbox(from_of(config))) return "from must be an email address";
  std::size_t count = 0;
  for (const char* kind : {"to", "cc", "bcc"})
    for (const auto& address : addresses(config, kind)) {
      if (auto wrong = email_fault(address); !wrong.empty())
        return "recipients." + std::string(kind) + ": '" + address + "' " + wrong;
      ++count;
    }
  if (count == 0 || count > most_recipients)
    return "recipients must be 1 to " + std::to_string(most_recipients) + " addresses";
  return host_fault(deps, text_in(smtp, "host"), port);
}

std::string destination(const Config& config) {
  const auto& smtp = object_in(config, "smtp");
  return text_in(smtp, "host") + ":" + std::to_string(number_in(smtp, "port", 587));
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

mail::Email email_of(const Notice& n, const std::string& subject_template) {
  mail::Email out;
  out.subject = n.event_type == "SUMMARY" ? "[" + label_of(n) + "] " + n.message
                                          : filled(subject_template, n);
  if (n.event_type != "OPEN" && n.event_type != "SUMMARY")
    out.subject = n.event_type + " " + out.subject;
  const std::pair<const char*, std::string> lines[] = {
      {"Device", n.device_id},
      {"Site", n.site_id},
      {"Type", n.alert_type},
      {"Severity",
       std::string(severity_word(n.severity)) + " (" + std::to_string(n.severity) + ")"},
      {"Time", iso8601(n.at.value_or(n.triggered_at))}};
  out.text = "[" + label_of(n) + "] " + headline_of(n) + "\n\n" + text_of(n) + "\n\n";
  out.html = "<h2 style=\"color:" + colour_of(n) + "\">[" + label_of(n) + "] " +
             escaped(headline_of(n)) + "</h2><p>" + escaped(text_of(n)) + "</p><table>";
  for (const auto& [name, value] : lines) {
    if (value.empty()) continue;
    out.text += std::string(name) + ": " + value + "\n";
    out.html += "<tr><td><b>" + std::string(name) + "</b></td><td>" + escaped(value) + "</td></tr>";
  }
  out.text += "\n" + n.link + "\n";
  out.html += "</table><p><a href=\"" + escaped(n.link) + "\">Open in Pulse</a></p>";
  return out;
}

constexpr const char* default_subject = "[{severity}] {alert_type}: {device_id}";

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (const auto& one : all) out += (out.empty() ? "" : ",\r\n ") + one;
  return out;
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// "a@x.example: 550, b@x.example: 450".
std::string named(const std::vector<mail::RefusedRecipient>& refused) {
  std::string out;
  for (const auto& r : refused)
    out += (out.empty() ? "" : ", ") + r.address + ": " + std::to_string(r.reply);
  return out;
}

/// 5xx is for good, 4xx for now (RFC 5321, 4.2.1): of each recipient, and of the message.
SendResult result_of(const mail::SmtpOutcome& outcome, std::size_t recipients) {
  if (outcome.forbidden) return SendResult::refused("the address is not a public one");
  if (outcome.ok && outcome.refused.empty()) return SendResult::done();
  if (outcome.ok || outcome.refused.size() == recipients) {
    const auto why = "the mail server does not take the message for " + named(outcome.refused);
    std::vector<std::string> later;
    for (const auto& r : outcome.refused)
      if (r.reply < 500) later.push_back(r.address);
    auto result = later.empty() ? SendResult::refused(why) : SendResult::failed(why);
    result.ok = outcome.ok && later.empty();
    result.left = std::move(later);
    return result;
  }
  const auto code = std::to_string(outcome.reply);
  if (outcome.reply >= 500) return SendResult::refused("the mail server refuses: " + code);
  if (outcome.reply >= 400) return SendResult::failed("the mail server can't take it now: " + code);
  return SendResult::failed("the mail server can't be reached");
}

Task<SendResult> send(SendDeps deps, Config config, Notice notice) {
  const auto& smtp = object_in(config, "smtp");
  mail::MailerOptions server;
  const auto port = number_in(smtp, "port", 587);
  server.host = text_in(smtp, "host");
  server.port = static_cast<int>(port);
  server.username = user_of(smtp);
  server.password = text_in(smtp, "password");
  server.security = security_of(smtp, port);
  const auto from = mail::read_mailbox(from_of(config));
  if (!from) co_return SendResult::refused("from is no email address");
  mail::SmtpEnvelope envelope;
  envelope.from = from->address;
  for (const char* kind : {"to", "cc", "bcc"})
    for (auto& address : addresses(config, kind))
      if (!notice.only_to || contains(*notice.only_to, address))
        envelope.to.push_back(std::move(address));
  if (envelope.to.empty()) co_return SendResult::done();  // none of them is a recipient any more
  auto content = email_of(notice, text_in(config, "subject_template", default_subject));
  content.id = notice.idempotency_key;
  auto to = joined(addresses(config, "to"));
  if (to.empty()) to = "undisclosed-recipients:;";
  envelope.message = mail::to_message(content, *from, to, now(), joined(addresses(config, "cc")));
  envelope.public_only = !listed_private(deps, server.host, port);
  std::function<mail::SmtpOutcome()> work = [server, envelope] {
    return mail::send_by_smtp(server, envelope);
  };
  const auto outcome = co_await off_loop(deps, std::move(work));
  co_return result_of(outcome, envelope.to.size());
}

}  // namespace

const Sender& email() {
  static const Sender sender{
      "email",
      {"smtp", "recipients"},
      {"smtp.password"},
      {"smtp.host", "smtp.port", "smtp.user", "smtp.username", "smtp.tls", "smtp.from", "from",
       "recipients.to", "recipients.cc", "recipients.bcc", "to", "cc", "bcc", "subject_template"},
      fault,
      destination,
      send};
  return sender;
}

Task<SendResult> send_to_person(SendDeps deps, std::string address, Notice notice) {
  auto message = email_of(notice, default_subject);
  message.to = address;
  message.id = notice.idempotency_key;
  auto result = SendResult::done();
  try {
    co_await deps.mailer->send(std::move(message));
  } catch (const mail::RecipientRefused& e) {
    const auto why =
        "the mail server does not take the message for " + address + ": " + std::to_string(e.reply);
    result = e.reply >= 500 ? SendResult::refused(why) : SendResult::failed(why);
  } catch (const HttpError&) {
    result = SendResult::failed("the email could not be sent");
  }
  co_return result;
}

}  // namespace pulse::alerting::notifications
