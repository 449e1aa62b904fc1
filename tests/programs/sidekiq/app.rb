# A Sidekiq application with one kind of job. $REDIS is the path of the socket, $DB the number of the database.
require 'sidekiq'

redis = { path: ENV.fetch('REDIS'), db: ENV.fetch('DB').to_i }
Sidekiq.configure_client { |config| config.redis = redis }
Sidekiq.configure_server do |config|
  config.redis = redis
  config.on(:startup) { $stderr.puts 'up' }
end

# Takes its time, and is counted in `done` when it has come to its end.
class Work
  include Sidekiq::Worker

  def perform(seconds, how = 'wait')
    $stderr.puts 'working'
    case how
    when 'wait' then sleep(seconds)
    when 'child' then system('sleep', seconds.to_s, exception: true)
    when 'child, ended' then run_and_end('sleep', seconds.to_s)
    end
    Sidekiq.redis { |redis| redis.incr('done') }
  end

  private

  def run_and_end(*words)
    pid = spawn(*words)
    Process.wait(pid)
    pid = nil
  ensure
    if pid
      Process.kill('TERM', pid)
      Process.wait(pid)
    end
  end
end
