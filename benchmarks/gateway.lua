-- Attempts of new people for benchmarks/gateway.py: first want, mean rest in ms between answer and question, status.
local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init(arguments)
   want, rest_ms, status = tonumber(arguments[1]), tonumber(arguments[2]), tonumber(arguments[3])
   others = 0
   if rest_ms == 0 then
      delay = nil
   end
end

function request()
   want = want + 1
   local body = string.format(
      '{"want": "%d", "attempt": 1, "person": {"segment": 0, "zone": 0, "kind": 0}, "timeout_ms": 5000}', want)
   return string.format(
      "POST /v1/orders HTTP/1.1\r\nHost: tea\r\nContent-Type: application/json\r\nIdempotency-Key: %d\r\n" ..
      "Content-Length: %d\r\n\r\n%s", want, #body, body)
end

function response(answered)
   if answered ~= status then
      others = others + 1
   end
end

function delay()
   return math.random(0, 2 * rest_ms)
end

function done(summary, latency)
   print(string.format(
      '{"requests": %d, "seconds": %f, "others": %d, "p50_ms": %f, "p99_ms": %f}',
      summary.requests, summary.duration / 1e6,
      threads[1]:get("others") + summary.errors.connect + summary.errors.read + summary.errors.write +
      summary.errors.timeout, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
