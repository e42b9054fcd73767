#include <parley/describe.h>
#include <parley/parley.h>
#include <cstdio>

struct Point {
  double x = 0, y = 0;
};
class Plotter {
 public:
  virtual parley::Task<double> distance(Point from, Point to) = 0;
};
PARLEY_SERVICE(Plotter, (distance, args(from, to)));

struct PlotterService final : Plotter {
  parley::Task<double> distance(Point from, Point to) override { co_return to.x - from.x + to.y - from.y; }
};

// Calls any method of any service with JSON, without its header.
parley::Task<parley::Result<std::string>> call_json(parley::Session& session, std::string service, std::string method,
                                                    std::string json) {
  auto describe = session.client<parley::Describe>("parley.Describe");
  auto described = co_await describe.call<&parley::Describe::describe>(service);
  if (described.own()) co_return parley::fail(parley::Code::not_found, "did you mean " + described.own()->nearest);
  if (described.error()) co_return parley::fail(*described.error());

  auto transcoder = co_await parley::codec::Transcoder::make(std::move(described).value());
  const auto* found = transcoder.find(method);
  if (!found) co_return parley::fail(parley::Code::method, method);
  auto arguments = co_await transcoder.arguments(*found, json);
  auto response = co_await co_await session.raw_call(found->id, arguments.bytes);
  co_return transcoder.to_json(response.is_own_error ? *found->own_error : found->result, response.payload.view());
}

parley::Task<parley::Result<void>> use(parley::Loop& loop) {
  auto session = co_await co_await parley::connect(loop, "mem:plotter");
  co_await co_await parley::check<Plotter>(*session, "Plotter");  // we and they know the same class
  for (std::string json :
       {R"({"from": {"x": 1, "y": 1}, "to": {"x": 4, "y": 5}})", R"([{"x": 1, "y": 1}, {"x": 4}])"}) {
    auto answer = co_await call_json(*session, "Plotter", "distance", json);
    std::printf("%s\n", answer ? answer->c_str() : to_string(answer.error()).c_str());
  }
  co_return {};
}

int main() {
  PlotterService service;
  parley::Loop loop;
  auto server = parley::listen(loop, "mem:plotter").value();
  server.serve<Plotter>("Plotter", service).value();
  auto used = loop.run_until(use(loop));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
