#include "hub/relay_trace.h"

#include <utility>

namespace parley::hub {

using wire::roam::ChannelList;
using wire::roam::Decoder;
using wire::roam::MetadataView;

std::unique_ptr<RelayTrace> RelayTrace::begin(std::shared_ptr<Tracing> tracing, io::Loop& loop,
                                              std::string_view service, Decoder call) {
  // tidy: allow new the constructor is private
  std::unique_ptr<RelayTrace> trace(new RelayTrace(std::move(tracing), loop, service));
  ChannelList channels;
  MetadataView metadata;
  if (!call.method(trace->method_) || !call.channels(channels) || !call.metadata(metadata) || metadata.empty()) {
    return nullptr;
  }
  trace->argument_bytes_ = call.rest().size();
  trace->notes_ = trace->tracing_->relay(metadata.to_metadata(), loop);
  if (!trace->notes_) return nullptr;
  return trace;
}

RelayTrace::~RelayTrace() {
  if (notes_) write({}, {.how = CallOutcome::How::error, .error = Error{Code::unknown, {}}});
}

void RelayTrace::end(std::string_view peer, Decoder response) {
  ChannelList channels;
  runtime::Completion completion;
  CallOutcome outcome;
  if (response.channels(channels) && response.metadata(completion.metadata)) completion.result = response.rest();
  const ByteView result = completion.result;
  const bool is_value = !result.empty() && result[0] == 0;
  if (is_value || (result.size() >= 2 && result[0] == 1 && result[1] == 0)) {
    outcome.how = is_value ? CallOutcome::How::value : CallOutcome::How::own_error;
    outcome.result_bytes = result.size() - (is_value ? 1 : 2);
  } else {
    outcome.error = result.size() == 2 ? runtime::Connection::error_of(completion) : Error{Code::response, {}};
  }
  write(peer, outcome);
}

void RelayTrace::write(std::string_view peer, const CallOutcome& outcome) {
  const std::unique_ptr<CallNotes> notes = std::move(notes_);
  tracing_->relayed(*notes, {.service = service_, .method = method_, .peer = peer, .argument_bytes = argument_bytes_},
                    outcome, loop_);
}

}  // namespace parley::hub
