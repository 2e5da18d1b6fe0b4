select shout('ann') as name, date '2021-01-01' + i::int as since
from range(3) r(i)
