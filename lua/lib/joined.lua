-- A reply as one text. A tree of tables would be taken apart here, and put together by the client, one by one.

-- Parts follow each other, separated by \31; \30 and a number begin a list of so many. Only for replies of ids, numbers
-- and JSON, in which no control character can be; what carries other texts is answered as a list.
local function joined(reply)
  local parts, count = {}, 0
  local function add(list)
    count = count + 1
    parts[count] = '\30' .. #list
    for i = 1, #list do
      if type(list[i]) == 'table' then
        add(list[i])
      else
        count = count + 1
        parts[count] = list[i]
      end
    end
  end
  add(reply)
  return table.concat(parts, '\31')
end
