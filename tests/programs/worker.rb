# Does one known thing with SIGTERM: worker.rb MODE. Says READY with its pids.
mode = ARGV.fetch(0)
$stdout.sync = true

def ready(*pids)
  puts "READY #{[Process.pid, *pids].join(' ')}"
end

trap('USR1') { exit!(0) }

case mode
when 'default'
  # Ruby's own: an exception at SIGTERM, `ensure` blocks run, and then it dies of the signal.
  begin
    ready
    sleep
  ensure
    sleep 0.02
  end
when 'exit'
  trap('TERM') { exit 0 }
when 'swallow'
  trap('TERM') { nil }
when 'reraise'
  trap('TERM') do
    trap('TERM', 'DEFAULT')
    Process.kill('TERM', Process.pid)
  end
when 'slow'
  # Sidekiq's way: told to stop, it lets its jobs end.
  trap('TERM') { Thread.new { sleep 0.3; exit! 0 } }
when 'forward'
  reader, writer = IO.pipe
  child = fork do
    trap('TERM') { exit! 0 }
    writer.puts
    sleep
  end
  reader.gets
  trap('TERM') do
    Process.kill('TERM', child)
    Process.wait(child)
    exit! 0
  end
  ready(child)
  sleep
else
  abort "no mode #{mode}"
end
ready
sleep
